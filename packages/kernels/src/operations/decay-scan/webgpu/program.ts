import { EXP } from '../../../backends/webgpu/math';
import { elementwise, type Program, variants } from '../../../backends/webgpu/program';

/** Tokens of a chunk: with the products between them, workgroup memory stays below the 16 KiB of every device. */
export const CHUNK = 32;
/** Of the inner size of a product, what lies in workgroup memory at a time. */
export const DEPTH = 16;

export const PARAMS = { T: 'u32', H: 'u32', chunks: 'u32' } as const;

/** ln a of every token of every head, and 1 where the state starts anew, else 0: [B·H, chunks · CHUNK, 2]; behind the last token both are 0. */
export const prepareProgram = variants(
  ({ name, constant, documentStarts }: { name: string; constant: boolean; documentStarts: boolean }): Program =>
    elementwise({
      name,
      inputs: { logDecay: 'f32', ...(documentStarts && { documentStarts: 'i32' as const }) },
      outputs: { tokens: 'f32' },
      params: PARAMS,
      main: `
  let padded = p.chunks * ${CHUNK};
  let t = i % padded;
  let head = i / padded;
  let row = head / p.H * p.T + t;
  var ln = 0.0;
  var start = 0.0;
  if (t < p.T) {
    ln = logDecay[${constant ? 'head % p.H' : 'row * p.H + head % p.H'}];
    ${documentStarts ? 'start = select(0.0, 1.0, documentStarts[row] != 0);' : ''}
  }
  tokens[2 * i] = ln;
  tokens[2 * i + 1] = start;`,
    }),
);

/**
 * Decays of a chunk of one head, which `readChunk` prepares. As in the reference every sum of ln a runs over just the tokens between, and a decay that
 * crosses a start is 0: no number is infinite, which a compiler may take for granted.
 */
export const DECAYS = `${EXP}
var<workgroup> lnOf: array<f32, ${CHUNK}>;
var<workgroup> startsUpTo: array<u32, ${CHUNK}>;
fn readChunk(place: u32, lane: u32) {
  if (lane < ${CHUNK}) {
    lnOf[lane] = tokens[2 * (place + lane)];
    var count = 0u;
    for (var t = 0u; t <= lane; t++) { count += u32(tokens[2 * (place + t) + 1]); }
    startsUpTo[lane] = count;
  }
  workgroupBarrier();
}
fn across(begin: u32, end: u32) -> f32 {
  var sum = 0.0;
  for (var t = begin; t < end; t++) { sum += lnOf[t]; }
  return exactExp(sum);
}
fn between(earlier: u32, later: u32) -> f32 {
  if (earlier > later || startsUpTo[earlier] != startsUpTo[later]) { return 0.0; }
  return across(earlier + 1, later + 1);
}
fn fromStart(token: u32) -> f32 {
  if (startsUpTo[token] != 0) { return 0.0; }
  return across(0, token + 1);
}
fn toEnd(token: u32) -> f32 { return between(token, ${CHUNK - 1}); }`;

/** Of a workgroup: its chunk `chunk` of head `head` = b H + h, and of that the first token. `part` is what is left of its number. */
export const PLACE = `
  let chunk = group % p.chunks;
  let head = group / p.chunks % p.heads;
  let part = group / (p.chunks * p.heads);
  let first = chunk * ${CHUNK};
  let state = head * p.chunks + chunk;
  readChunk(state * ${CHUNK}, lane);`;

/** Element [token, i] of an operand [B, T, H, width], 0 outside. */
export const readerOf = (name: string): string => `
fn ${name}At(head: u32, token: u32, i: u32, width: u32) -> f32 {
  if (token >= p.T || i >= width) { return 0.0; }
  return ${name}[((head / p.H * p.T + token) * p.H + head % p.H) * width + i];
}`;

/** exp(c_C) of every chunk, [B·H, chunks]. */
export const wholeProgram = variants(
  ({ name }: { name: string }): Program =>
    elementwise({
      name,
      inputs: { tokens: 'f32' },
      outputs: { wholes: 'f32' },
      params: {},
      declarations: EXP,
      main: `
  var sum = 0.0;
  var documentStarts = 0.0;
  for (var t = 0u; t < ${CHUNK}; t++) {
    sum += tokens[2 * (i * ${CHUNK} + t)];
    documentStarts += tokens[2 * (i * ${CHUNK} + t) + 1];
  }
  wholes[i] = select(exactExp(sum), 0.0, documentStarts > 0.0);`,
    }),
);
