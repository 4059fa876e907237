import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { Gpu } from '../../../backends/webgpu/gpu';
import { elementwise, type Program, variants } from '../../../backends/webgpu/program';
import { groupsOf } from '../../../backends/webgpu/specialize';
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

/** Chunks of which an invocation reads what they add before it writes. */
const AT_A_TIME = 8;

/**
 * Carries a state through the chunks, forth or back: of what each adds, the states that they meet, [B·H, chunks, K, V] both. `last` is what leaves the other end.
 * The reads of some chunks do not wait for one another, nor for what is written.
 */
const carryProgram = variants(({ name, back, given, wide }: { name: string; back: boolean; given: boolean; wide: boolean }): Program => {
  const type = wide ? 'vec4<f32>' : 'f32';
  const each = (line: (j: number) => string): string => Array.from({ length: AT_A_TIME }, (_, j) => line(j)).join('\n    ');
  return elementwise({
    name,
    inputs: { wholes: 'f32', gained: type, ...(given && { initial: type }) },
    outputs: { states: type, last: type },
    params: { chunks: 'u32', size: 'u32' },
    main: `
  let head = i / p.size;
  let place = i % p.size;
  var state = ${given ? 'initial[i]' : `${type}(0)`};
  for (var n = 0u; n < p.chunks; n += ${AT_A_TIME}) {
    ${each((j) => `let chunk${j} = head * p.chunks + ${back ? 'p.chunks - 1 - ' : ''}min(n + ${j}, p.chunks - 1);`)}
    ${each((j) => `let gained${j} = gained[chunk${j} * p.size + place];`)}
    ${each((j) => `let whole${j} = wholes[chunk${j}];`)}
    ${each((j) => `if (n + ${j} < p.chunks) { states[chunk${j} * p.size + place] = state; state = whole${j} * state + gained${j}; }`)}
  }
  last[i] = state;`,
  });
});

interface Carried {
  readonly name: string;
  /** exp(c_C) of every chunk, [B·H, chunks]. */
  readonly wholes: TensorInfo;
  /** What each chunk adds, [B·H · chunks, K, V]; it is freed. */
  readonly gained: TensorInfo;
  /** From the last chunk to the first. */
  readonly back: boolean;
  /** [B, H, K, V] */
  readonly initial?: TensorInfo | undefined;
  readonly H: number;
}

/** See {@link carryProgram}: states [B·H · chunks, K, V], last [B, H, K, V]. */
export function carry(gpu: Gpu, { name, wholes, gained, back, initial, H }: Carried): [states: TensorInfo, last: TensorInfo] {
  const [heads, chunks] = wholes.shape as [number, number];
  const [K, V] = gained.shape.slice(-2) as [number, number];
  const [states, last] = [gpu.tensor(gained.shape), gpu.tensor([heads / H, H, K, V])];
  const wide = (K * V) % 4 === 0;
  const size = (K * V) / (wide ? 4 : 1);
  gpu.run(carryProgram({ name, back, given: initial !== undefined, wide }), {
    inputs: { wholes, gained, ...(initial && { initial }) },
    outputs: { states, last },
    params: { chunks, size, count: heads * size },
    groups: groupsOf(heads * size),
  });
  gpu.free(gained);
  return [states, last];
}
