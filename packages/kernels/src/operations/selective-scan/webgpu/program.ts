import { EXP } from '../../../backends/webgpu/math';
import type { Program } from '../../../backends/webgpu/program';

/** Invocations of a workgroup: neighboring channels of one group, batch row and chunk. */
export const LANES = 64;

/** Sizes, and where the parts of `aux` begin. [E, N] A, [B, T, G, N] B and C, [E] D, [B, E, N] h0, [B, T] documentStarts, [R, B, T, G, N] C of other reads. */
export const PARAMS = {
  T: 'u32',
  E: 'u32',
  N: 'u32',
  G: 'u32',
  R: 'u32',
  batches: 'u32',
  chunks: 'u32',
  blocks: 'u32',
  atB: 'u32',
  atC: 'u32',
  atD: 'u32',
  atH: 'u32',
  atStarts: 'u32',
  atReads: 'u32',
  hasD: 'u32',
  hasH: 'u32',
  hasStarts: 'u32',
} as const;

/** `aux` holds numbers of two kinds: read as the other, some would be denormal. */
export const VALUE_OF = 'fn valueOf(at: u32) -> f32 { return bitcast<f32>(aux[at]); }';

export const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

/** Lines for every token of a chunk. */
export const eachToken = (length: number, line: (l: number) => string): string => range(length).map(line).join('\n');
/** The same from the last to the first. */
export const eachTokenBack = (length: number, line: (l: number) => string): string => range(length).reverse().map(line).join('\n');

/**
 * A program of which every invocation has one channel in one chunk of one batch row, and all of its states one after the other: state sizes of any kind
 * take the same registers. It begins with the channel's place, with the step size `d`, 0 behind the last token, and with `keep`, 0 at starts.
 */
export function chunkProgram(
  length: number,
  name: string,
  parts: Pick<Program, 'inputs' | 'outputs' | 'main'> & { declarations?: string },
): Program {
  const { inputs, outputs, main, declarations = '' } = parts;
  return {
    name,
    inputs: { delta: 'f32', aux: 'u32', ...inputs },
    outputs,
    params: PARAMS,
    size: LANES,
    declarations: `${EXP}\n${VALUE_OF}
fn placeOf(row: u32, g: u32, n: u32) -> u32 { return (row * p.G + g) * p.N + n; }\n${declarations}`,
    main: `
  let block = group % p.blocks;
  let g = group / p.blocks % p.G;
  let chunk = group / (p.blocks * p.G) % p.chunks;
  let b = group / (p.blocks * p.G * p.chunks);
  let width = p.E / p.G;
  let isMine = block * ${LANES} + lane < width;
  let e = g * width + min(block * ${LANES} + lane, width - 1);
  let first = chunk * ${length};
  let states = (b * p.chunks + chunk) * p.N * p.E + e; // [B, chunks, N, E]
${eachToken(
  length,
  (l) => `  let is${l} = first + ${l} < p.T; let row${l} = b * p.T + min(first + ${l}, p.T - 1);
  var d${l} = 0.0; var keep${l} = 1.0;
  if (is${l}) { d${l} = delta[row${l} * p.E + e]; if (p.hasStarts == 1 && aux[p.atStarts + row${l}] != 0) { keep${l} = 0; } }`,
)}
${main}`,
  };
}

/** x = delta u of every token. */
export const drive = (length: number): string =>
  eachToken(length, (l) => `  var u${l} = 0.0; if (is${l}) { u${l} = u[row${l} * p.E + e]; } let x${l} = d${l} * u${l};`);

/** The decay of state n in token l; `A` is that of the state. */
export const decay = (l: number): string => `keep${l} * exactExp(d${l} * A)`;
export const valueOfB = (l: number): string => `valueOf(p.atB + placeOf(row${l}, g, n))`;
export const valueOfC = (l: number): string => `valueOf(p.atC + placeOf(row${l}, g, n))`;
