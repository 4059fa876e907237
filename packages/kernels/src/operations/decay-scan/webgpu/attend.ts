import { type Program, variants } from '../../../backends/webgpu/program';
import { CHUNK, DECAYS, DEPTH, PARAMS, PLACE, readerOf } from './program';

/** Columns of the output that one workgroup computes. */
export const COLUMNS = 64;
export const LANES = 128;
const ROWS = [0, 1, 2, 3];
/** Widths of the rows in workgroup memory: odd, so that neighbors are in different banks. */
const [WIDE, NARROW] = [CHUNK + 1, DEPTH + 1];

/** Memory of the products between the tokens of a chunk. */
export const PRODUCTS = `
var<workgroup> tileA: array<f32, ${CHUNK * NARROW}>;
var<workgroup> tileB: array<f32, ${DEPTH * (COLUMNS + 1)}>;
var<workgroup> weights: array<f32, ${CHUNK * WIDE}>;`;

/** Every invocation has 4 × 2 of the products a_x · b_y of a chunk in `name`0 to 3, at rows ty 4 + r and columns tx 2 + c. */
export const products = (name: string, a: string, b: string, width: string): string => `
${ROWS.map((r) => `  var ${name}${r} = vec2<f32>(0);`).join('\n')}
  for (var base = 0u; base < ${width}; base += ${DEPTH}) {
    for (var at = lane; at < ${CHUNK * DEPTH}; at += ${LANES}) {
      let row = at / ${DEPTH};
      let depth = at % ${DEPTH};
      tileA[row * ${NARROW} + depth] = ${a}At(head, first + row, base + depth, ${width});
      tileB[depth * ${COLUMNS + 1} + row] = ${b}At(head, first + row, base + depth, ${width});
    }
    workgroupBarrier();
    for (var k = 0u; k < ${DEPTH}; k++) {
      let row = k * ${COLUMNS + 1} + tx * 2;
      let y = vec2<f32>(tileB[row], tileB[row + 1]);
${ROWS.map((r) => `      ${name}${r} = fma(vec2<f32>(tileA[(ty * 4 + ${r}) * ${NARROW} + k]), y, ${name}${r});`).join('\n')}
    }
    workgroupBarrier();
  }`;

/** Writes the products, times the decay between their tokens, to `weights`. */
export const weigh = (value: (r: number, c: number) => string, later: boolean): string =>
  ROWS.flatMap((r) =>
    [0, 1].map((c) => {
      const [row, column] = [`ty * 4 + ${r}`, `tx * 2 + ${c}`];
      return `  weights[(${row}) * ${WIDE} + ${column}] = between(${later ? `${row}, ${column}` : `${column}, ${row}`}) * ${value(r, c)};`;
    }),
  ).join('\n');

const accumulate = (factor: (r: number) => string): string => `
    workgroupBarrier();
    for (var k = 0u; k < ${DEPTH}; k++) {
      let row = k * ${COLUMNS + 1} + tx;
      let y = vec4<f32>(tileB[row], tileB[row + 16], tileB[row + 32], tileB[row + 48]);
${ROWS.map((r) => `      sum${r} = fma(vec4<f32>(${factor(r)}), y, sum${r});`).join('\n')}
    }
    workgroupBarrier();`;

/**
 * out_x = Σ_y M (a_x · b_y) c_y + scale_x a_x S over the tokens of each chunk. The outputs are that of (q, k, v) with S the state before the chunk; the
 * gradients of q that of (dO, v, k) with its transpose, and where `later`, y ≥ x, those of k of (v, dO, q) and of v of (k, q, dO) with the gradient of the
 * state behind the chunk: the equations are at `chunkOutput` and `chunkGradients`.
 */
export const attendProgram = variants(
  ({ name, later, transposed }: { name: string; later: boolean; transposed: boolean }): Program => ({
    name,
    inputs: { a: 'f32', b: 'f32', c: 'f32', tokens: 'f32', states: 'f32' },
    outputs: { out: 'f32' },
    params: { ...PARAMS, heads: 'u32', inner: 'u32', width: 'u32' },
    size: LANES,
    declarations: `${DECAYS}${PRODUCTS}
${['a', 'b', 'c'].map(readerOf).join('\n')}
var<workgroup> scales: array<f32, ${CHUNK}>;
fn stateAt(state: u32, i: u32, j: u32) -> f32 {
  if (i >= p.inner || j >= p.width) { return 0.0; }
  return states[state * p.inner * p.width + ${transposed ? 'j * p.inner + i' : 'i * p.width + j'}];
}`,
    main: `${PLACE}
  if (lane < ${CHUNK}) { scales[lane] = ${later ? 'toEnd' : 'fromStart'}(lane); }
  let tx = lane % 16;
  let ty = lane / 16;
  let columns = part * ${COLUMNS};
${products('w', 'a', 'b', 'p.inner')}
${weigh((r, c) => `w${r}[${c}]`, later)}
${ROWS.map((r) => `  var sum${r} = vec4<f32>(0);`).join('\n')}
  for (var base = 0u; base < ${CHUNK}; base += ${DEPTH}) {
    for (var at = lane; at < ${DEPTH * COLUMNS}; at += ${LANES}) {
      let depth = at / ${COLUMNS};
      tileB[depth * ${COLUMNS + 1} + at % ${COLUMNS}] = cAt(head, first + base + depth, columns + at % ${COLUMNS}, p.width);
    }
${accumulate((r) => `weights[(ty * 4 + ${r}) * ${WIDE} + base + k]`)}
  }
  for (var base = 0u; base < p.inner; base += ${DEPTH}) {
    for (var at = lane; at < ${CHUNK * DEPTH}; at += ${LANES}) {
      let row = at / ${DEPTH};
      tileA[row * ${NARROW} + at % ${DEPTH}] = scales[row] * aAt(head, first + row, base + at % ${DEPTH}, p.inner);
    }
    for (var at = lane; at < ${DEPTH * COLUMNS}; at += ${LANES}) {
      ${
        transposed
          ? `let depth = at % ${DEPTH};\n      let column = at / ${DEPTH};`
          : `let depth = at / ${COLUMNS};\n      let column = at % ${COLUMNS};`
      }
      tileB[depth * ${COLUMNS + 1} + column] = stateAt(state, base + depth, columns + column);
    }
${accumulate((r) => `tileA[(ty * 4 + ${r}) * ${NARROW} + k]`)}
  }
  let rows = head / p.H * p.T + first + ty * 4;
${ROWS.flatMap((r) =>
  ROWS.map(
    (c) => `  if (first + ty * 4 + ${r} < p.T && columns + tx + ${16 * c} < p.width) {
    out[((rows + ${r}) * p.H + head % p.H) * p.width + columns + tx + ${16 * c}] = sum${r}[${c}];
  }`,
  ),
).join('\n')}`,
  }),
);
