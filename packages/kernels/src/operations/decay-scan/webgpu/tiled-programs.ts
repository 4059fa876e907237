import { EXP, treesOf } from '../../../backends/webgpu/math';
import { elementwise, type Program, variants } from '../../../backends/webgpu/program';

/** Sizes of a call that its programs read: tokens, heads, chunks of each, and tokens of a chunk. */
export const TILED_PARAMS = { T: 'u32', H: 'u32', chunks: 'u32', C: 'u32' } as const;

/** Of value `i` of [B·H, chunks, C, width]: its column, token of the chunk, chunk of all heads, and row in [B, T, H]. */
const PLACE = `
  let column = i % p.width;
  let place = i / p.width; // of [B·H, chunks, C]
  let chunk = place / p.C % p.chunks;
  let head = place / (p.C * p.chunks);
  let t = chunk * p.C + place % p.C;
  let row = (head / p.H * p.T + t) * p.H + head % p.H;`;

/**
 * What the decays of a chunk are made of, [B·H, chunks, C, 4]: of every token ln a, how many starts there are up to it, and the decays from the start of
 * the chunk to it and from it to the end, c and c_C − c of `chunkOutput`. Behind the last token ln a is 0 and there is no start. As in the reference every
 * sum of ln a runs over just the tokens between, and a decay that crosses a start is 0.
 */
export const decaysProgram = variants(
  ({ name, constant, documentStarts }: { name: string; constant: boolean; documentStarts: boolean }): Program =>
    elementwise({
      name,
      inputs: { logDecay: 'f32', ...(documentStarts && { documentStarts: 'i32' as const }) },
      outputs: { decays: 'vec4<f32>', wholes: 'f32' },
      params: TILED_PARAMS,
      declarations: EXP,
      main: `
  let token = i % p.C;
  let chunk = i / p.C % p.chunks;
  let head = i / (p.C * p.chunks);
  let row = head / p.H * p.T + chunk * p.C; // of [B, T]
  let length = min(p.C, p.T - chunk * p.C);
  ${
    constant
      ? `let ln = select(0.0, logDecay[head % p.H], token < length);
  let before = f32(min(token + 1, length)) * ln;
  let behind = f32(max(length, token + 1) - token - 1) * ln;`
      : `var ln = 0.0;
  var before = 0.0;
  var behind = 0.0;
  for (var t = 0u; t < length; t++) {
    let own = logDecay[(row + t) * p.H + head % p.H];
    if (t == token) { ln = own; }
    if (t <= token) { before += own; } else { behind += own; }
  }`
  }
  var upTo = 0u;
  var all = 0u;
  ${
    documentStarts
      ? `for (var t = 0u; t < length; t++) {
    let start = select(0u, 1u, documentStarts[row + t] != 0);
    if (t <= token) { upTo += start; }
    all += start;
  }`
      : ''
  }
  let fromStart = select(0.0, exactExp(before), upTo == 0);
  decays[i] = vec4<f32>(ln, f32(upTo), fromStart, select(0.0, exactExp(behind), upTo == all));
  if (token == length - 1) { wholes[i / p.C] = fromStart; }`,
    }),
);

/** What a chunk of q, k, v or dO is multiplied by besides: nothing, the decays from its start, or those to its end. */
export type Scaling = 'none' | 'fromStart' | 'toEnd';

/** [B, T, H, width] with the heads in front and cut into chunks, [B·H, chunks, C, width], zero behind the last token; the same once more times decays. */
export const cutProgram = variants(
  ({ name, wide, scaling }: { name: string; wide: boolean; scaling: Scaling }): Program =>
    elementwise({
      name,
      inputs: { x: wide ? 'vec4<f32>' : 'f32', ...(scaling !== 'none' && { decays: 'vec4<f32>' as const }) },
      outputs: { y: wide ? 'vec4<f32>' : 'f32', ...(scaling !== 'none' && { scaled: wide ? ('vec4<f32>' as const) : ('f32' as const) }) },
      params: { ...TILED_PARAMS, width: 'u32' },
      main: `${PLACE}
  var value = ${wide ? 'vec4<f32>(0)' : '0.0'};
  if (t < p.T) { value = x[row * p.width + column]; }
  y[i] = value;
  ${scaling === 'none' ? '' : `scaled[i] = value * decays[place].${scaling === 'fromStart' ? 'z' : 'w'};`}`,
    }),
);

/** Back from [B·H, chunks, C, width] to [B, T, H, width]. */
export const joinProgram = variants(
  ({ name, wide }: { name: string; wide: boolean }): Program =>
    elementwise({
      name,
      inputs: { x: wide ? 'vec4<f32>' : 'f32' },
      outputs: { y: wide ? 'vec4<f32>' : 'f32' },
      params: { ...TILED_PARAMS, width: 'u32' },
      main: `
  let column = i % p.width;
  let h = i / p.width % p.H;
  let t = i / (p.width * p.H) % p.T;
  let head = i / (p.width * p.H * p.T) * p.H + h;
  y[i] = x[((head * p.chunks + t / p.C) * p.C + t % p.C) * p.width + column];`,
    }),
);

/** Rows of the products between tokens that an invocation weighs, and columns that a workgroup does. */
export const [WEIGHED_ROWS, WEIGHED_COLUMNS] = [16, 64];

/** Between an earlier token j and a later or the same i of a chunk, at [i, j]; 0 from later to earlier ones. */
const WEIGHED = {
  /** Q Kᵀ ⊙ M in the place of Q Kᵀ. */
  outputs: { outputs: { w: 'f32' }, write: 'w[at] = decay * w[at];' },
  /** And dP = dO Vᵀ ⊙ M in the place of dO Vᵀ. */
  gradients: { outputs: { w: 'f32', d: 'f32' }, write: 'w[at] = decay * w[at]; d[at] = decay * d[at];' },
  /** And the gradients of the exponents, dP ⊙ Q Kᵀ. */
  exponents: {
    outputs: { w: 'f32', d: 'f32', x: 'f32' },
    write: 'let dP = decay * d[at]; x[at] = dP * w[at]; w[at] = decay * w[at]; d[at] = dP;',
  },
} as const;

/** Multiplies products between the tokens of a chunk, [B·H, chunks, C, C], by the decay between them. A workgroup has 64 columns of 16 rows. */
export const weighProgram = variants(
  ({ name, constant, kind }: { name: string; constant: boolean; kind: keyof typeof WEIGHED }): Program => ({
    name,
    inputs: { decays: 'vec4<f32>' },
    outputs: WEIGHED[kind].outputs,
    params: { C: 'u32', slices: 'u32', blocks: 'u32' },
    size: WEIGHED_COLUMNS,
    declarations: EXP,
    main: `
  let j = group % p.blocks * ${WEIGHED_COLUMNS} + lane;
  let first = group / p.blocks % p.slices * ${WEIGHED_ROWS};
  let base = group / (p.blocks * p.slices) * p.C;
  if (j >= p.C) { return; }
  let own = decays[base + j];
  var exponent = 0.0;
  ${constant ? '' : 'for (var t = j + 1; t < first; t++) { exponent += decays[base + t].x; }'}
  for (var i = first; i < min(first + ${WEIGHED_ROWS}, p.C); i++) {
    let later = decays[base + i];
    ${constant ? 'if (i > j) { exponent = f32(i - j) * own.x; }' : 'if (i > j) { exponent += later.x; }'}
    let decay = select(0.0, exactExp(exponent), i >= j && later.y == own.y);
    let at = (base + i) * p.C + j;
    ${WEIGHED[kind].write}
  }`,
  }),
);

/** Of every token q · (E dO Sᵀ) and k · (F V dS'ᵀ), [B·H, chunks, C, 2]: the gradients of the exponents from the start and to the end. */
export const acrossProgram: Program = {
  name: 'SsmDecayScanGrad',
  inputs: { q: 'f32', dq: 'f32', k: 'f32', dk: 'f32' },
  outputs: { across: 'f32' },
  params: { K: 'u32' },
  size: 64,
  declarations: treesOf(64),
  main: `
  var fromStart = 0.0;
  var toEnd = 0.0;
  for (var at = group * p.K + lane; at < (group + 1) * p.K; at += 64) {
    fromStart = fma(q[at], dq[at], fromStart);
    toEnd = fma(k[at], dk[at], toEnd);
  }
  fromStart = sumOfAll(lane, fromStart);
  toEnd = sumOfAll(lane, toEnd);
  if (lane == 0) {
    across[2 * group] = fromStart;
    across[2 * group + 1] = toEnd;
  }`,
};

/** Values of a state that a workgroup multiplies: few for each of its invocations, so that little is lost in their sum. */
export const THROUGH_PART = 1024;

/** exp(c_C) ⟨S, dS'⟩ of every chunk in parts, [B·H, chunks, parts]. */
export const throughProgram: Program = {
  name: 'SsmDecayScanGrad',
  inputs: { states: 'f32', after: 'f32', wholes: 'f32' },
  outputs: { through: 'f32' },
  params: { size: 'u32', parts: 'u32' },
  size: 256,
  declarations: treesOf(256),
  main: `
  let chunk = group / p.parts;
  let first = group % p.parts * ${THROUGH_PART};
  var sum = 0.0;
  for (var i = first + lane; i < min(first + ${THROUGH_PART}, p.size); i += 256) {
    sum = fma(states[chunk * p.size + i], after[chunk * p.size + i], sum);
  }
  sum = sumOfAll(lane, sum);
  if (lane == 0) { through[group] = wholes[chunk] * sum; }`,
};

/** Σ_(i≥t) X_ij at [t, j] in the place of X_tj, [B·H, chunks, C, C]. */
export const suffixProgram: Program = elementwise({
  name: 'SsmDecayScanGrad',
  inputs: {},
  outputs: { x: 'f32' },
  params: { C: 'u32' },
  main: `
  let at = i / p.C * p.C * p.C + i % p.C;
  var sum = 0.0;
  for (var t = p.C; t > 0; t--) {
    sum += x[at + (t - 1) * p.C];
    x[at + (t - 1) * p.C] = sum;
  }`,
});

/** The gradient of ln a of every token, [B, T, H], which counts in each decay that crosses it: see `gradientOfTokens`. */
export const crossingProgram: Program = {
  name: 'SsmDecayScanGrad',
  inputs: { x: 'f32', across: 'f32', through: 'f32' },
  outputs: { out: 'f32' },
  params: { ...TILED_PARAMS, parts: 'u32' },
  size: 64,
  declarations: treesOf(64),
  main: `
  let h = group % p.H;
  let t = group / p.H % p.T;
  let chunk = (group / (p.H * p.T) * p.H + h) * p.chunks + t / p.C; // of all heads
  let token = t % p.C;
  var sum = 0.0;
  for (var at = lane; at < p.C; at += 64) {
    let place = chunk * p.C + at;
    if (at < token) { sum += x[(chunk * p.C + token) * p.C + at] + across[2 * place + 1]; } else { sum += across[2 * place]; }
  }
  for (var part = lane; part < p.parts; part += 64) { sum += through[chunk * p.parts + part]; }
  sum = sumOfAll(lane, sum);
  if (lane == 0) { out[group] = sum; }`,
};
