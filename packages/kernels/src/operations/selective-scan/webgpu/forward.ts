import { elementwise, type Program, variants } from '../../../backends/webgpu/program';
import { chunkProgram, decay, drive, eachToken, PARAMS, VALUE_OF, valueOfB, valueOfC } from './program';

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

/** Carries a state through the chunks: what each ended with becomes what it starts with, h0 for the first. hT is what the last ends with. */
export const carryProgram = variants(
  ({ name }: { name: string }): Program =>
    elementwise({
      name,
      inputs: { totals: 'f32', aux: 'u32' },
      outputs: { ends: 'f32', hT: 'f32' },
      params: PARAMS,
      declarations: VALUE_OF,
      main: `
  let e = i % p.E;
  let n = i / p.E % p.N;
  let b = i / (p.E * p.N);
  let place = (b * p.E + e) * p.N + n;
  var h = 0.0;
  if (p.hasH == 1) { h = valueOf(p.atH + place); }
  for (var chunk = 0u; chunk < p.chunks; chunk++) {
    let at = ((b * p.chunks + chunk) * p.N + n) * p.E + e;
    let next = totals[at] * h + ends[at];
    ends[at] = h;
    h = next;
  }
  hT[place] = h;`,
    }),
);

/** y of every chunk from the state that it starts with. */
export const outputProgram = variants(
  ({ length }: { length: number }): Program =>
    chunkProgram(length, 'SsmSelectiveScan', {
      inputs: { u: 'f32', ends: 'f32' },
      outputs: { y: 'f32' },
      main: `
${drive(length)}
  var D = 0.0;
  if (p.hasD == 1) { D = valueOf(p.atD + e); }
${eachToken(length, (l) => `  var y${l} = D * u${l};`)}
  for (var n = 0u; n < p.N; n++) {
    let A = valueOf(e * p.N + n);
    var h = ends[states + n * p.E];
${eachToken(length, (l) => `    h = ${decay(l)} * h + x${l} * ${valueOfB(l)}; y${l} += h * ${valueOfC(l)};`)}
  }
  if (!isMine) { return; }
${eachToken(length, (l) => `  if (is${l}) { y[row${l} * p.E + e] = y${l}; }`)}`,
    }),
);
