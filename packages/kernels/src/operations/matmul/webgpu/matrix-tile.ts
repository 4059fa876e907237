import { type Program, variants } from '../../../backends/webgpu/program';

/** Rows and columns of a workgroup. */
export const MATRIX_TILE = 128;
const LANES = 256;
/** Of the inner size, what lies in workgroup memory at a time. */
const DEPTH = 64;
/** Rows, columns and inner size of the matrices that a subgroup multiplies. */
const UNIT = 16;
/** Of a subgroup: 32 × 64 values, 2 × 4 matrices. */
const [ROWS, COLUMNS] = [2, 4];
/** Eight halves behind each line, so that lines begin in different banks. */
const PADDING = 2;

/** Of workgroup memory: both operands, and the values of one matrix of each subgroup. */
export const MATRIX_TILE_BYTES = 2 * MATRIX_TILE * (DEPTH / 4 + PADDING) * 8 + (LANES / 32) * UNIT * UNIT * 4;

export interface MatrixTileChoice {
  transposeA: boolean;
  transposeB: boolean;
  /** Whether rows of a, b and c begin at multiples of 16 bytes. */
  wideA: boolean;
  wideB: boolean;
  wideC: boolean;
  /** Whether the product is added to what c holds. */
  accumulate: boolean;
}

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
const lines = (count: number, line: (i: number) => string): string => range(count).map(line).join('\n');

/** How an operand lies in workgroup memory: in lines as in memory, `along` the side or along the inner size. */
interface Operand {
  readonly name: 'A' | 'B';
  readonly buffer: 'a' | 'b';
  readonly along: boolean;
  readonly wide: boolean;
}
const quadsOf = ({ along }: Operand): number => (along ? MATRIX_TILE : DEPTH) / 4;
const strideOf = (operand: Operand): number => quadsOf(operand) + PADDING;
const linesOf = ({ along }: Operand): number => (along ? DEPTH : MATRIX_TILE);
const TURNS = (MATRIX_TILE * DEPTH) / 4 / LANES;

/**
 * C = A B on matrices of subgroups of 32: factors are rounded to float16 on their way into workgroup memory, sums are float32. A workgroup has
 * 128 × 128 of C, a subgroup 32 × 64; the next part of the inner size is fetched while this one is computed with. Parts of the inner size as in
 * {@link tileProgram}. A workgroup at the edge of C writes through workgroup memory.
 */
export const matrixTileProgram = variants((choice: MatrixTileChoice): Program => {
  const a: Operand = { name: 'A', buffer: 'a', along: choice.transposeA, wide: choice.wideA };
  const b: Operand = { name: 'B', buffer: 'b', along: !choice.transposeB, wide: choice.wideB };
  return {
    name: 'SsmMatMul',
    head: 'diagnostic(off, chromium.subgroup_matrix_uniformity);\nenable f16;\nenable subgroups;\nenable chromium_experimental_subgroup_matrix;',
    builtins: '@builtin(subgroup_id) subgroup: u32',
    inputs: { a: choice.wideA ? 'vec4<f32>' : 'f32', b: choice.wideB ? 'vec4<f32>' : 'f32' },
    outputs: { c: 'f32' },
    params: {
      M: 'u32',
      N: 'u32',
      K: 'u32',
      strideA: 'u32',
      strideB: 'u32',
      strideC: 'u32',
      parts: 'u32',
      partSize: 'u32',
      tilesM: 'u32',
      tilesN: 'u32',
    },
    size: LANES,
    declarations: `
alias Left = subgroup_matrix_left<f16, ${UNIT}, ${UNIT}>;
alias Right = subgroup_matrix_right<f16, ${UNIT}, ${UNIT}>;
alias Sum = subgroup_matrix_result<f32, ${UNIT}, ${UNIT}>;
var<workgroup> edge: array<f32, ${(LANES / 32) * UNIT * UNIT}>;
${declare(a)}
${declare(b)}`,
    main: mainOf(choice, a, b),
  };
});

/** Four values of a row of memory, zeros beyond its end and below the last row. */
const declare = (operand: Operand): string => {
  const { name, buffer, wide } = operand;
  const narrow = `var value = vec4<f32>(${buffer}[at], 0, 0, 0);
  ${[1, 2, 3].map((i) => `if (column + ${i} < columns) { value[${i}] = ${buffer}[at + ${i}]; }`).join('\n  ')}
  return value;`;
  return `
var<workgroup> tile${name}: array<vec4<f16>, ${linesOf(operand) * strideOf(operand)}>;
fn fetch${name}(base: u32, row: u32, column: u32, rows: u32, columns: u32, stride: u32) -> vec4<f32> {
  if (row >= rows || column >= columns) { return vec4<f32>(0); }
  let at = base + row * stride + column;
  ${wide ? `return ${buffer}[at >> 2];` : narrow}
}`;
};

const fetchAll = (operand: Operand, depth: string): string => {
  const { name, along } = operand;
  const [side, first] = name === 'A' ? ['p.M', 'firstM'] : ['p.N', 'firstN'];
  return lines(TURNS, (n) => {
    const index = `(lane + ${n * LANES}u)`;
    const [line, column] = [`${index} / ${quadsOf(operand)}u`, `${index} % ${quadsOf(operand)}u * 4u`];
    const place = along
      ? `${depth} + ${line}, ${first} + ${column}, end, ${side}`
      : `${first} + ${line}, ${depth} + ${column}, ${side}, end`;
    return `    next${name}${n} = fetch${name}(base${name}, ${place}, p.stride${name});`;
  });
};

const storeAll = (operand: Operand): string => {
  const { name } = operand;
  return lines(TURNS, (n) => {
    const index = `(lane + ${n * LANES}u)`;
    return `    tile${name}[${index} / ${quadsOf(operand)}u * ${strideOf(operand)}u + ${index} % ${quadsOf(operand)}u] = vec4<f16>(next${name}${n});`;
  });
};

/** A matrix of an operand, from `side` on along its side and step k along the inner size: offset and stride are counted in vectors. */
const load = (operand: Operand, side: string, k: number): string => {
  const stride = strideOf(operand);
  const [type, isRow] = operand.name === 'A' ? ['Left', !operand.along] : ['Right', operand.along];
  const offset = operand.along ? `${k * UNIT * stride}u + (${side}) / 4u` : `(${side}) * ${stride}u + ${(k * UNIT) / 4}u`;
  return `subgroupMatrixLoad<${type}, ${isRow ? 'row_major' : 'col_major'}>(&tile${operand.name}, ${offset}, ${stride}u)`;
};

const each = (make: (i: number, j: number) => string): string =>
  range(ROWS)
    .flatMap((i) => range(COLUMNS).map((j) => make(i, j)))
    .join('\n');

function mainOf({ accumulate, wideC }: MatrixTileChoice, a: Operand, b: Operand): string {
  const at = (i: number, j: number): string => `atC + (row + ${i * UNIT}u) * p.strideC + column + ${j * UNIT}u`;
  const given = accumulate
    ? `  if (isWhole) {\n${each((i, j) => `    c${i}${j} = subgroupMatrixLoad<Sum, row_major>(&c, ${at(i, j)}, p.strideC);`)}\n  }`
    : '';
  return `
  let firstN = group % p.tilesN * ${MATRIX_TILE};
  let firstM = group / p.tilesN % p.tilesM * ${MATRIX_TILE};
  let z = group / (p.tilesN * p.tilesM); // of [batch, parts]
  let batch = z / p.parts;
  let begin = z % p.parts * p.partSize;
  let end = min(begin + p.partSize, p.K);
  let baseA = batch * p.M * p.K;
  let baseB = batch * p.N * p.K;
  let atC = z * p.M * p.strideC;
  let ofM = subgroup / 2 * ${ROWS * UNIT};
  let ofN = subgroup % 2 * ${COLUMNS * UNIT};
  let row = firstM + ofM;
  let column = firstN + ofN;
  let isWhole = ${wideC ? `firstM + ${MATRIX_TILE} <= p.M && firstN + ${MATRIX_TILE} <= p.N` : 'false'};
${each((i, j) => `  var c${i}${j}: Sum;`)}
${given}
${lines(TURNS, (n) => `  var nextA${n}: vec4<f32>; var nextB${n}: vec4<f32>;`)}
${fetchAll(a, 'begin')}
${fetchAll(b, 'begin')}
  for (var depth = begin; depth < end; depth += ${DEPTH}) {
${storeAll(a)}
${storeAll(b)}
    workgroupBarrier();
    if (depth + ${DEPTH} < end) {
${fetchAll(a, `depth + ${DEPTH}`)}
${fetchAll(b, `depth + ${DEPTH}`)}
    }
${lines(DEPTH / UNIT, (k) => multiply(a, b, k))}
    workgroupBarrier();
  }
  if (isWhole) {
${each((i, j) => `    subgroupMatrixStore<row_major>(&c, ${at(i, j)}, c${i}${j}, p.strideC);`)}
    return;
  }
${each((i, j) => writeEdge(i, j, accumulate))}`;
}

const multiply = (a: Operand, b: Operand, k: number): string => `    {
${lines(ROWS, (i) => `      let a${i} = ${load(a, `ofM + ${i * UNIT}u`, k)};`)}
${lines(COLUMNS, (j) => `      let b${j} = ${load(b, `ofN + ${j * UNIT}u`, k)};`)}
${each((i, j) => `      c${i}${j} = subgroupMatrixMultiplyAccumulate(a${i}, b${j}, c${i}${j});`)}
    }`;

/** One matrix of every subgroup: each invocation then writes one value of every subgroup's. */
const writeEdge = (i: number, j: number, accumulate: boolean): string => `
  subgroupMatrixStore<row_major>(&edge, subgroup * ${UNIT * UNIT}u, c${i}${j}, ${UNIT}u);
  workgroupBarrier();
  for (var s = 0u; s < ${LANES / 32}; s++) {
    let y = firstM + s / 2 * ${ROWS * UNIT} + ${i * UNIT} + lane / ${UNIT};
    let x = firstN + s % 2 * ${COLUMNS * UNIT} + ${j * UNIT} + lane % ${UNIT};
    if (y < p.M && x < p.N) {
      let at = atC + y * p.strideC + x;
      c[at] = edge[s * ${UNIT * UNIT} + lane]${accumulate ? ' + c[at]' : ''};
    }
  }
  workgroupBarrier();`;
