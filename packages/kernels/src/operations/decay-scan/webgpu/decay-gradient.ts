import { treesOf } from '../../../backends/webgpu/math';
import { type Program, variants } from '../../../backends/webgpu/program';
import { LANES, PRODUCTS, products, weigh } from './attend';
import { CHUNK, DECAYS, PARAMS, PLACE, readerOf } from './program';

const WIDE = CHUNK + 1;
/** Invocations that share a token's product with a state. */
const SHARES = LANES / CHUNK;

/** Σ_kv x_k y_v S_kv of every token, in shares: `x` [K] and `y` [V] of its row, S of the chunk. */
const throughState = (to: string, x: string, y: string, states: string): string => `
  {
    let token = first + lane % ${CHUNK};
    var sum = 0.0;
    for (var k = lane / ${CHUNK}; k < p.K; k += ${SHARES}) {
      var inner = 0.0;
      for (var v = 0u; v < p.V; v++) { inner = fma(${y}At(head, token, v, p.V), ${states}[(state * p.K + k) * p.V + v], inner); }
      sum = fma(${x}At(head, token, k, p.K), inner, sum);
    }
    ${to}[lane] = sum;
  }`;

/** Of a token, the sum of its shares. */
const sharesOf = (name: string): string => `
var<workgroup> ${name}: array<f32, ${LANES}>;
fn ${name}At(token: u32) -> f32 {
  var sum = 0.0;
  for (var share = 0u; share < ${SHARES}; share++) { sum += ${name}[share * ${CHUNK} + token]; }
  return sum;
}`;

/**
 * The gradient of ln a of every token, [B, T, H]: it counts in each decay that crosses the token, between two tokens (with X of `chunkGradients`
 * Σ_(j<t≤i) X_ij), from the start of the chunk to one at or behind it, from one before it to the end, and across.
 */
export const decayGradientProgram = variants(
  ({ name }: { name: string }): Program => ({
    name,
    inputs: { q: 'f32', k: 'f32', v: 'f32', dO: 'f32', states: 'f32', after: 'f32', tokens: 'f32' },
    outputs: { out: 'f32' },
    params: { ...PARAMS, heads: 'u32', K: 'u32', V: 'u32' },
    size: LANES,
    declarations: `${DECAYS}${PRODUCTS}${treesOf(LANES)}
${['q', 'k', 'v', 'dO'].map(readerOf).join('\n')}
${sharesOf('fromStarts')}
${sharesOf('toEnds')}`,
    main: `${PLACE}
  let tx = lane % 16;
  let ty = lane / 16;
${products('w', 'q', 'k', 'p.K')}
${products('d', 'dO', 'v', 'p.V')}
${weigh((r, c) => `w${r}[${c}] * d${r}[${c}]`, false)}
${throughState('fromStarts', 'q', 'dO', 'states')}
${throughState('toEnds', 'k', 'v', 'after')}
  var crossing = 0.0;
  for (var at = lane; at < p.K * p.V; at += ${LANES}) { crossing = fma(states[state * p.K * p.V + at], after[state * p.K * p.V + at], crossing); }
  crossing = fromStart(${CHUNK - 1}) * sumOfAll(lane, crossing);
  if (lane < ${CHUNK}) {
    var sum = 0.0;
    for (var t = 0u; t <= lane; t++) {
      let x = weights[lane * ${WIDE} + t];
      weights[lane * ${WIDE} + t] = sum;
      sum += x;
    }
  }
  workgroupBarrier();
  if (lane >= ${CHUNK} || first + lane >= p.T) { return; }
  for (var i = lane; i < ${CHUNK}; i++) { crossing += weights[i * ${WIDE} + lane] + fromStart(i) * fromStartsAt(i); }
  for (var j = 0u; j < lane; j++) { crossing += toEnd(j) * toEndsAt(j); }
  out[(head / p.H * p.T + first + lane) * p.H + head % p.H] = crossing;`,
  }),
);
