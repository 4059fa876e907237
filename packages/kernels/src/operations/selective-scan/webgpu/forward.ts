import { type Program, variants } from '../../../backends/webgpu/program';
import { chunkProgram, decay, drive, eachToken, valueOfB, valueOfC } from './program';

/** Of every chunk the product of its decays and the state that it ends with when it starts with none, both [B, chunks, N, E]. */
export const summaryProgram = variants(
  ({ length, name }: { length: number; name: string }): Program =>
    chunkProgram(length, name, {
      inputs: { u: 'f32' },
      outputs: { totals: 'f32', ends: 'f32' },
      main: `
${drive(length)}
  for (var n = 0u; n < p.N; n++) {
    let A = valueOf(e * p.N + n);
    var h = 0.0;
    var total = 1.0;
${eachToken(length, (l) => `    { let a = ${decay(l)}; h = a * h + x${l} * ${valueOfB(l)}; total *= a; }`)}
    if (isMine) { totals[states + n * p.E] = total; ends[states + n * p.E] = h; }
  }`,
    }),
);

/** y of every chunk from the state that it starts with. */
export const outputProgram = variants(
  ({ length }: { length: number }): Program =>
    chunkProgram(length, 'SsmSelectiveScan', {
      inputs: { u: 'f32', starts: 'f32' },
      outputs: { y: 'f32' },
      main: `
${drive(length)}
  var D = 0.0;
  if (p.hasD == 1) { D = valueOf(p.atD + e); }
${eachToken(length, (l) => `  var y${l} = D * u${l};`)}
  for (var n = 0u; n < p.N; n++) {
    let A = valueOf(e * p.N + n);
    var h = starts[states + n * p.E];
${eachToken(length, (l) => `    h = ${decay(l)} * h + x${l} * ${valueOfB(l)}; y${l} += h * ${valueOfC(l)};`)}
  }
  if (!isMine) { return; }
${eachToken(length, (l) => `  if (is${l}) { y[row${l} * p.E + e] = y${l}; }`)}`,
    }),
);
