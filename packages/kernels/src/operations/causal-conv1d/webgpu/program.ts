import { SIGMOID } from '../../../backends/webgpu/math';
import { elementwise, type Program, variants } from '../../../backends/webgpu/program';

export interface Choice {
  bias: boolean;
  tail: boolean;
  documentStarts: boolean;
  silu: boolean;
}

/** Tokens of which one invocation sums what they add to dw. */
export const TOKENS = 64;

export const PARAMS = { T: 'u32', E: 'u32', W: 'u32' } as const;

const inputsOf = ({ bias, tail, documentStarts }: Choice): Program['inputs'] => ({
  x: 'f32',
  w: 'f32',
  ...(bias && { bias: 'f32' as const }),
  ...(tail && { tail: 'f32' as const }),
  ...(documentStarts && { documentStarts: 'i32' as const }),
});

/**
 * Places count from −(W − 1), the oldest of the tail, over −1, the newest, to 0, the first token. `input` reads one, `startsAt` says whether a token sees
 * nothing before it.
 */
const reading = ({ tail, documentStarts }: Pick<Choice, 'tail' | 'documentStarts'>): string => `
fn input(b: u32, place: i32, e: u32) -> f32 {
  if (place >= 0) { return x[(b * p.T + u32(place)) * p.E + e]; }
  ${tail ? 'return tail[(b * p.E + e) * (p.W - 1) + u32(i32(p.W) - 1 + place)];' : 'return 0.0;'}
}
fn startsAt(b: u32, place: i32) -> bool {
  ${documentStarts ? 'return place >= 0 && documentStarts[b * p.T + u32(place)] != 0;' : 'return false;'}
}`;

const functions = (choice: Choice): string => `
${SIGMOID}
${reading(choice)}
// Before the activation.
fn sumAt(b: u32, t: i32, e: u32) -> f32 {
  var sum = ${choice.bias ? 'bias[e]' : '0.0'};
  for (var k = 0; k < i32(p.W); k++) {
    sum = fma(w[e * p.W + p.W - 1 - u32(k)], input(b, t - k, e), sum);
    if (startsAt(b, t - k)) { break; }
  }
  return sum;
}`;

const TOKEN = `
  let e = i % p.E;
  let b = i / (p.E * p.T);
  let t = i32(i / p.E % p.T);`;

export const outputProgram = variants(
  (choice: Choice): Program =>
    elementwise({
      name: 'SsmCausalConv1d',
      inputs: inputsOf(choice),
      outputs: { y: 'f32' },
      params: PARAMS,
      declarations: functions(choice),
      main: `${TOKEN}
  let z = sumAt(b, t, e);
  y[i] = ${choice.silu ? 'silu(z)' : 'z'};`,
    }),
);

/** The newest W − 1 inputs, zero before the last start. One invocation a channel. */
export const tailProgram = variants(
  ({ tail, documentStarts }: Pick<Choice, 'tail' | 'documentStarts'>): Program =>
    elementwise({
      name: 'SsmCausalConv1d',
      inputs: { x: 'f32', ...(tail && { tail: 'f32' as const }), ...(documentStarts && { documentStarts: 'i32' as const }) },
      outputs: { next: 'f32' },
      params: PARAMS,
      declarations: reading({ tail, documentStarts }),
      main: `
  let e = i % p.E;
  let b = i / p.E;
  var isSeen = true;
  for (var k = 1; k < i32(p.W); k++) {
    let place = i32(p.T) - k;
    next[i * (p.W - 1) + p.W - 1 - u32(k)] = select(0.0, input(b, place, e), isSeen);
    isSeen = isSeen && !startsAt(b, place);
  }`,
    }),
);

/** dz = dy act'(z), the gradient before the activation. */
export const slopeProgram = variants(
  (choice: Choice): Program =>
    elementwise({
      name: 'SsmCausalConv1dGrad',
      inputs: { ...inputsOf(choice), dy: 'f32' },
      outputs: { dz: 'f32' },
      params: PARAMS,
      declarations: functions(choice),
      main: `${TOKEN}
  dz[i] = dy[i] * siluSlope(sumAt(b, t, e));`,
    }),
);

/** The gradients of all inputs, those of the tail among them. One invocation for each of [B, W − 1 + T, E]. */
export const inputGradientProgram = variants(
  ({ documentStarts }: Pick<Choice, 'documentStarts'>): Program =>
    elementwise({
      name: 'SsmCausalConv1dGrad',
      inputs: { w: 'f32', ...(documentStarts && { documentStarts: 'i32' as const }), dz: 'f32', dTail: 'f32' },
      outputs: { dx: 'f32', dtail: 'f32' },
      params: PARAMS,
      declarations: `fn startsAt(b: u32, place: i32) -> bool {
  ${documentStarts ? 'return place >= 0 && documentStarts[b * p.T + u32(place)] != 0;' : 'return false;'}
}`,
      main: `
  let e = i % p.E;
  let length = p.T + p.W - 1;
  let b = i / (p.E * length);
  let place = i32(i / p.E % length) - i32(p.W) + 1;
  var sum = 0.0;
  var isSeen = true;
  for (var k = 0; k < i32(p.W) && place + k < i32(p.T); k++) {
    let t = place + k;
    isSeen = isSeen && !(k > 0 && startsAt(b, t));
    if (isSeen && t >= 0) { sum = fma(dz[(b * p.T + u32(t)) * p.E + e], w[e * p.W + p.W - 1 - u32(k)], sum); }
  }
  let inTail = place - i32(p.T) + i32(p.W) - 1;
  if (isSeen && inTail >= 0) { sum += dTail[(b * p.E + e) * (p.W - 1) + u32(inTail)]; }
  if (place >= 0) { dx[(b * p.T + u32(place)) * p.E + e] = sum; }
  else { dtail[(b * p.E + e) * (p.W - 1) + u32(place + i32(p.W) - 1)] = sum; }`,
    }),
);

/** What blocks of tokens add to dw and, behind it, to dbias: [B · blocks, E, W] and [B · blocks, E]. */
export const filterGradientProgram = variants(
  ({ width, tail, documentStarts }: { width: number } & Pick<Choice, 'tail' | 'documentStarts'>): Program =>
    elementwise({
      name: 'SsmCausalConv1dGrad',
      inputs: { x: 'f32', ...(tail && { tail: 'f32' as const }), ...(documentStarts && { documentStarts: 'i32' as const }), dz: 'f32' },
      outputs: { parts: 'f32' },
      params: { ...PARAMS, blocks: 'u32' },
      declarations: reading({ tail, documentStarts }),
      main: `
  let e = i % p.E;
  let b = i / (p.E * p.blocks);
  let begin = i32(i / p.E % p.blocks) * ${TOKENS};
  var dw: array<f32, ${width}>;
  var dbias = 0.0;
  for (var t = begin; t < min(begin + ${TOKENS}, i32(p.T)); t++) {
    let d = dz[(b * p.T + u32(t)) * p.E + e];
    dbias += d;
    for (var k = 0; k < ${width}; k++) {
      dw[${width - 1} - k] = fma(d, input(b, t - k, e), dw[${width - 1} - k]);
      if (startsAt(b, t - k)) { break; }
    }
  }
  for (var j = 0u; j < ${width}; j++) { parts[i * ${width} + j] = dw[j]; }
  parts[p.count * ${width} + i] = dbias;`,
    }),
);
