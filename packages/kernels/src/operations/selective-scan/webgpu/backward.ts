import { type Program, variants } from '../../../backends/webgpu/program';
import { chunkProgram, decay, drive, eachToken, eachTokenBack, LANES, range, valueOfB, valueOfC } from './program';

interface Choice {
  length: number;
  /** Others that read the states as well. */
  reads: number;
}

/** The dy of more reads stay in memory, from where every state reads them again. */
const MOST_IN_REGISTERS = 2;

const inRegisters = ({ reads }: Choice): number[] => (reads <= MOST_IN_REGISTERS ? range(reads) : []);

/** dy of every token, and of its other reads. */
const gradientsOfY = (choice: Choice): string =>
  eachToken(choice.length, (l) => {
    const others = inRegisters(choice);
    const read = others.map((r) => ` dy${l}of${r} = dyReads[(${r} * p.batches * p.T + row${l}) * p.E + e];`);
    return `  var dy${l} = 0.0;${others.map((r) => ` var dy${l}of${r} = 0.0;`).join('')} if (is${l}) { dy${l} = dy[row${l} * p.E + e];${read.join('')} }`;
  });

/** What the reads of token l add to the gradient of state n, C dy. */
function readsOf(l: number, choice: Choice): string {
  const ofRead = (row: string): string => `valueOf(p.atReads + placeOf(${row}, g, n))`;
  const others = inRegisters(choice).map((r) => ` + ${ofRead(`${r} * p.batches * p.T + row${l}`)} * dy${l}of${r}`);
  const own = `${valueOfC(l)} * dy${l}${others.join('')}`;
  if (choice.reads <= MOST_IN_REGISTERS) return `let r${l} = ${own};`;
  return `var r${l} = ${own};
    if (is${l}) { for (var r = 0u; r < p.R; r++) {
      let row = r * p.batches * p.T + row${l};
      r${l} += ${ofRead('row')} * dyReads[row * p.E + e];
    } }`;
}

const inputsOf = ({ reads }: Choice): Program['inputs'] => ({ dy: 'f32', ...(reads > 0 && { dyReads: 'f32' as const }) });

/**
 * Of every chunk the product of its decays, the state that it ends with when it starts with none, and what it hands to the one before when nothing is
 * handed to it, all [B, chunks, N, E]: forth and back with the same decays.
 */
export const summariesProgram = variants(
  (choice: Choice): Program =>
    chunkProgram(choice.length, 'SsmSelectiveScanGrad', {
      inputs: { u: 'f32', ...inputsOf(choice) },
      outputs: { totals: 'f32', ends: 'f32', handed: 'f32' },
      main: `
${drive(choice.length)}
${gradientsOfY(choice)}
  for (var n = 0u; n < p.N; n++) {
    let A = valueOf(e * p.N + n);
    var h = 0.0;
    var total = 1.0;
${eachToken(choice.length, (l) => `    let a${l} = ${decay(l)}; h = a${l} * h + x${l} * ${valueOfB(l)}; total *= a${l};`)}
    var w = 0.0;
${eachTokenBack(choice.length, (l) => `    ${readsOf(l, choice)}\n    w = a${l} * (w + r${l});`)}
    if (isMine) { totals[states + n * p.E] = total; ends[states + n * p.E] = h; handed[states + n * p.E] = w; }
  }`,
    }),
);

/** Invocations that share a row of addends: each writes a part of its own, so that no one waits. */
export const HALVES = 2;

/** Sums over the channels of a workgroup, row by row of `addends`. */
const ADDENDS = (rows: number): string => `var<workgroup> addends: array<f32, ${rows * (LANES + 1)}>;
fn sumOf(row: u32, half: u32) -> f32 {
  var sum = 0.0;
  for (var i = 0u; i < ${LANES / HALVES}; i++) { sum += addends[row * ${LANES + 1} + half * ${LANES / HALVES} + i]; }
  return sum;
}`;
const addend = (row: number, value: string): string => `    addends[${row * (LANES + 1)} + lane] = select(0.0, ${value}, isMine);`;

/** Where `parts` has what half of one workgroup's channels add to dB or dC of token l: [blocks · HALVES, B, T, G, N]. */
const partOf = `(block * ${HALVES} + half) * p.batches * p.T * p.G * p.N + placeOf(row, g, n)`;

/** The states before every token and the decays, from the state that the chunk starts with. */
const statesAgain = (length: number): string => `
    var h0 = starts[states + n * p.E];
${eachToken(length, (l) => `    let a${l} = ${decay(l)}; let h${l + 1} = a${l} * h${l} + x${l} * ${valueOfB(l)};`)}`;

/**
 * All gradients of a chunk from its state and what is handed to it: du and dDelta, and in `parts` the addends of dB and dC per block of channels, and
 * of dA [B, chunks, E, N] and dD [B, chunks, E].
 */
export const gradientProgram = variants(
  (choice: Choice): Program =>
    chunkProgram(choice.length, 'SsmSelectiveScanGrad', {
      inputs: { u: 'f32', ...inputsOf(choice), starts: 'f32', arriving: 'f32' },
      outputs: { du: 'f32', dDelta: 'f32', parts: 'f32' },
      declarations: ADDENDS(2 * choice.length),
      main: gradientMain(choice),
    }),
);

function gradientMain(choice: Choice): string {
  const { length } = choice;
  return `
${drive(length)}
${gradientsOfY(choice)}
  let tokens = p.batches * p.T;
  let values = tokens * p.G * p.N;
  let atA = 2 * ${HALVES} * p.blocks * values;
  let atD = atA + p.batches * p.chunks * p.E * p.N;
  let mine = (b * p.chunks + chunk) * p.E + e;
${eachToken(length, (l) => `  var dx${l} = 0.0; var q${l} = 0.0;`)}
  for (var n = 0u; n < p.N; n++) {
    let A = valueOf(e * p.N + n);
${statesAgain(length)}
    var w = arriving[states + n * p.E];
    var dA = 0.0;
${eachTokenBack(
  length,
  (l) => `    {
    ${readsOf(l, choice)}
    let dh = w + r${l};
    w = a${l} * dh;
    let q = w * h${l};
    dx${l} += dh * ${valueOfB(l)}; q${l} += q * A; dA += q * d${l};
${addend(l, `dh * x${l}`)}
${addend(length + l, `dy${l} * h${l + 1}`)}
    }`,
)}
    if (isMine) { parts[atA + mine * p.N + n] = dA; }
    workgroupBarrier();
    let l = lane % ${length};
    if (lane < ${2 * HALVES * length} && first + l < p.T) {
      let row = b * p.T + first + l;
      let half = lane / ${2 * length};
      let ofC = lane / ${length} % 2;
      parts[ofC * ${HALVES} * p.blocks * values + ${partOf}] = sumOf(lane % ${2 * length}, half);
    }
    workgroupBarrier();
  }
  if (!isMine) { return; }
  var D = 0.0;
  if (p.hasD == 1) { D = valueOf(p.atD + e); }
  parts[atD + mine] = ${range(length)
    .map((l) => `dy${l} * u${l}`)
    .join(' + ')};
${eachToken(
  length,
  (l) => `  if (is${l}) {
    du[row${l} * p.E + e] = d${l} * dx${l} + D * dy${l};
    dDelta[row${l} * p.E + e] = u${l} * dx${l} + q${l};
  }`,
)}`;
}

/** dC = Σ dy h alone. */
export const gradientOfCProgram = variants(
  ({ length }: { length: number }): Program =>
    chunkProgram(length, 'SsmSelectiveScanGradOfC', {
      inputs: { u: 'f32', dy: 'f32', starts: 'f32' },
      outputs: { parts: 'f32' },
      declarations: ADDENDS(length),
      main: `
${drive(length)}
${gradientsOfY({ length, reads: 0 })}
  for (var n = 0u; n < p.N; n++) {
    let A = valueOf(e * p.N + n);
${statesAgain(length)}
${eachToken(length, (l) => addend(l, `dy${l} * h${l + 1}`))}
    workgroupBarrier();
    let l = lane % ${length};
    if (lane < ${HALVES * length} && first + l < p.T) {
      let row = b * p.T + first + l;
      let half = lane / ${length};
      parts[${partOf}] = sumOf(l, half);
    }
    workgroupBarrier();
  }`,
    }),
);
