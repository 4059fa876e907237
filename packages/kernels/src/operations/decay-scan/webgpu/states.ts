import { elementwise, type Program, variants } from '../../../backends/webgpu/program';
import { CHUNK, DECAYS, DEPTH, PARAMS, PLACE, readerOf } from './program';

/** Rows and columns of a state that one workgroup computes. */
export const STATE_TILE = 64;
const ROWS = [0, 1, 2, 3];

/** What the tokens of each chunk add to the state behind it, (K ⊙ toEnd)ᵀ V, or on the way back to the one before it, (Q ⊙ fromStart)ᵀ dO: [B·H, chunks, K, V]. */
export const gainProgram = variants(
  ({ name, back }: { name: string; back: boolean }): Program => ({
    name,
    inputs: { a: 'f32', b: 'f32', tokens: 'f32' },
    outputs: { gained: 'f32' },
    params: { ...PARAMS, heads: 'u32', K: 'u32', V: 'u32', tilesV: 'u32' },
    size: 256,
    declarations: `${DECAYS}
${readerOf('a')}
${readerOf('b')}
var<workgroup> scales: array<f32, ${CHUNK}>;
var<workgroup> tileA: array<f32, ${DEPTH * STATE_TILE}>;
var<workgroup> tileB: array<f32, ${DEPTH * STATE_TILE}>;`,
    main: `${PLACE}
  if (lane < ${CHUNK}) { scales[lane] = ${back ? 'fromStart' : 'toEnd'}(lane); }
  workgroupBarrier();
  let rows = part / p.tilesV * ${STATE_TILE};
  let columns = part % p.tilesV * ${STATE_TILE};
  let tx = lane % 16;
  let ty = lane / 16;
${ROWS.map((r) => `  var sum${r} = vec4<f32>(0);`).join('\n')}
  for (var base = 0u; base < ${CHUNK}; base += ${DEPTH}) {
    for (var at = lane; at < ${DEPTH * STATE_TILE}; at += 256) {
      let token = base + at / ${STATE_TILE};
      tileA[at] = scales[token] * aAt(head, first + token, rows + at % ${STATE_TILE}, p.K);
      tileB[at] = bAt(head, first + token, columns + at % ${STATE_TILE}, p.V);
    }
    workgroupBarrier();
    for (var k = 0u; k < ${DEPTH}; k++) {
      let row = k * ${STATE_TILE};
      let b = vec4<f32>(tileB[row + tx], tileB[row + tx + 16], tileB[row + tx + 32], tileB[row + tx + 48]);
${ROWS.map((r) => `      sum${r} = fma(vec4<f32>(tileA[row + ty * 4 + ${r}]), b, sum${r});`).join('\n')}
    }
    workgroupBarrier();
  }
${ROWS.flatMap((r) =>
  ROWS.map(
    (c) => `  if (rows + ty * 4 + ${r} < p.K && columns + tx + ${16 * c} < p.V) {
    gained[(state * p.K + rows + ty * 4 + ${r}) * p.V + columns + tx + ${16 * c}] = sum${r}[${c}];
  }`,
  ),
).join('\n')}`,
  }),
);

/** Carries a state through the chunks, forth or back: what each adds becomes the state that it meets. `last` is what leaves the other end. */
export const carryProgram = variants(
  ({ name, back, given }: { name: string; back: boolean; given: boolean }): Program =>
    elementwise({
      name,
      inputs: { wholes: 'f32', ...(given && { initial: 'f32' as const }) },
      outputs: { states: 'f32', last: 'f32' },
      params: { chunks: 'u32', size: 'u32' },
      main: `
  let head = i / p.size;
  var state = ${given ? 'initial[i]' : '0.0'};
  for (var n = 0u; n < p.chunks; n++) {
    let chunk = head * p.chunks + ${back ? 'p.chunks - 1 - n' : 'n'};
    let at = chunk * p.size + i % p.size;
    let next = wholes[chunk] * state + states[at];
    states[at] = state;
    state = next;
  }
  last[i] = state;`,
    }),
);
