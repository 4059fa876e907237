import { elementwise, type Program, variants } from '../../../backends/webgpu/program';
import { chunkProgram, decay, drive, eachToken, eachTokenBack, LANES, PARAMS, range, valueOfB, valueOfC } from './program';

interface Choice {
  length: number;
  /** Whether others read the states as well. */
  reads: boolean;
}

/** dy of every token. */
const gradientsOfY = (length: number): string =>
  eachToken(length, (l) => `  var dy${l} = 0.0; if (is${l}) { dy${l} = dy[row${l} * p.E + e]; }`);

/** What the reads of token l add to the gradient of state n, C dy. */
const readsOf = (l: number, { reads }: Choice): string =>
  reads
    ? `var r${l} = ${valueOfC(l)} * dy${l};
    if (is${l}) { for (var r = 0u; r < p.R; r++) {
      let row = r * p.batches * p.T + row${l};
      r${l} += valueOf(p.atReads + placeOf(row, g, n)) * dyReads[row * p.E + e];
    } }`
    : `let r${l} = ${valueOfC(l)} * dy${l};`;

const inputsOf = ({ reads }: Choice): Program['inputs'] => ({ dy: 'f32', ...(reads && { dyReads: 'f32' as const }) });

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
${gradientsOfY(choice.length)}
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

/** Carries what is handed from the last chunk, which gets dhT, to the first, which hands on dh0. */
export const carryBackProgram: Program = elementwise({
  name: 'SsmSelectiveScanGrad',
  inputs: { totals: 'f32', dhT: 'f32' },
  outputs: { handed: 'f32', dh0: 'f32' },
  params: PARAMS,
  main: `
  let e = i % p.E;
  let n = i / p.E % p.N;
  let b = i / (p.E * p.N);
  let place = (b * p.E + e) * p.N + n;
  var w = dhT[place];
  for (var chunk = p.chunks; chunk > 0; chunk--) {
    let at = ((b * p.chunks + chunk - 1) * p.N + n) * p.E + e;
    let next = totals[at] * w + handed[at];
    handed[at] = w;
    w = next;
  }
  dh0[place] = w;`,
});

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
    var h0 = ends[states + n * p.E];
${eachToken(length, (l) => `    let a${l} = ${decay(l)}; let h${l + 1} = a${l} * h${l} + x${l} * ${valueOfB(l)};`)}`;

/**
 * All gradients of a chunk from its state and what is handed to it: du and dDelta, and in `parts` the addends of dB and dC per block of channels, and
 * of dA [B, chunks, E, N] and dD [B, chunks, E].
 */
export const gradientProgram = variants(
  (choice: Choice): Program =>
    chunkProgram(choice.length, 'SsmSelectiveScanGrad', {
      inputs: { u: 'f32', ...inputsOf(choice), ends: 'f32', handed: 'f32' },
      outputs: { du: 'f32', dDelta: 'f32', parts: 'f32' },
      declarations: ADDENDS(2 * choice.length),
      main: gradientMain(choice),
    }),
);

function gradientMain(choice: Choice): string {
  const { length } = choice;
  return `
${drive(length)}
${gradientsOfY(length)}
  let tokens = p.batches * p.T;
  let values = tokens * p.G * p.N;
  let atA = 2 * ${HALVES} * p.blocks * values;
  let atD = atA + p.batches * p.chunks * p.E * p.N;
  let mine = (b * p.chunks + chunk) * p.E + e;
${eachToken(length, (l) => `  var dx${l} = 0.0; var q${l} = 0.0;`)}
  for (var n = 0u; n < p.N; n++) {
    let A = valueOf(e * p.N + n);
${statesAgain(length)}
    var w = handed[states + n * p.E];
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
      inputs: { u: 'f32', dy: 'f32', ends: 'f32' },
      outputs: { parts: 'f32' },
      declarations: ADDENDS(length),
      main: `
${drive(length)}
${gradientsOfY(length)}
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
