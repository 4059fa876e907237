import { type Program, variants } from '../../../backends/webgpu/program';
import { MATRIX_SHAPES, type MatrixShape, PADDING, type ShapeName, subgroupsOf, UNIT } from './matrix-shapes';
import { OCTET } from './narrow';

export interface MatrixTileChoice {
  shape: ShapeName;
  /** Whether the factors were rounded before, and filled up to whole tiles: see `narrowed`. */
  narrow: boolean;
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
  /** Values that are fetched at a time. */
  readonly group: 4 | 8;
  /** Groups that each invocation fetches of a part of the inner size. */
  readonly turns: number;
  /** Groups of a line. */
  readonly groups: number;
  /** Halves of a vector in workgroup memory. */
  readonly unit: 4 | 8;
  /** Vectors of a line in workgroup memory, and of all of them. */
  readonly stride: number;
  readonly size: number;
}

function operandOf(name: 'A' | 'B', choice: MatrixTileChoice): Operand {
  const shape: MatrixShape = MATRIX_SHAPES[choice.shape];
  const [side, along, wide] =
    name === 'A' ? [shape.tileM, choice.transposeA, choice.wideA] : [shape.tileN, !choice.transposeB, choice.wideB];
  const group = choice.narrow ? OCTET : 4;
  const [line, count] = along ? [side, shape.depth] : [shape.depth, side];
  const unit = shape.isPacked ? OCTET : 4;
  const stride = (line + PADDING) / unit;
  const turns = (side * shape.depth) / group / lanesOf(shape);
  return { name, buffer: name === 'A' ? 'a' : 'b', along, wide, group, turns, groups: line / group, unit, stride, size: count * stride };
}

const lanesOf = (shape: MatrixShape): number => 32 * subgroupsOf(shape);

/**
 * C = A B on matrices of subgroups of 32: factors are float16 in workgroup memory, to which they are rounded on their way or were before; sums are float32.
 * A workgroup has a tile of C, and each of its subgroups a part of that. Parts of the inner size as in {@link tileProgram}. A workgroup at the edge of C
 * writes through workgroup memory.
 */
export const matrixTileProgram = variants((choice: MatrixTileChoice): Program => {
  const shape: MatrixShape = MATRIX_SHAPES[choice.shape];
  const [a, b] = [operandOf('A', choice), operandOf('B', choice)];
  const typeOf = ({ wide }: Operand) => (choice.narrow ? 'vec4<u32>' : wide ? 'vec4<f32>' : 'f32');
  return {
    name: 'SsmMatMul',
    head: 'diagnostic(off, chromium.subgroup_matrix_uniformity);\nenable f16;\nenable subgroups;\nenable chromium_experimental_subgroup_matrix;',
    builtins: '@builtin(subgroup_id) subgroup: u32',
    inputs: { a: typeOf(a), b: typeOf(b) },
    outputs: { c: 'f32' },
    params: {
      M: 'u32',
      N: 'u32',
      K: 'u32',
      strideA: 'u32',
      strideB: 'u32',
      strideC: 'u32',
      sizeA: 'u32',
      sizeB: 'u32',
      parts: 'u32',
      partSize: 'u32',
      tilesM: 'u32',
      tilesN: 'u32',
    },
    size: lanesOf(shape),
    declarations: `
alias Left = subgroup_matrix_left<f16, ${UNIT}, ${UNIT}>;
alias Right = subgroup_matrix_right<f16, ${UNIT}, ${UNIT}>;
alias Sum = subgroup_matrix_result<f32, ${UNIT}, ${UNIT}>;
var<workgroup> edge: array<f32, ${subgroupsOf(shape) * UNIT * UNIT}>;
${[a, b].map(({ name, size }) => `var<workgroup> tile${name}: array<${shape.isPacked ? 'vec4<u32>' : 'vec4<f16>'}, ${size * (shape.isDouble ? 2 : 1)}>;`).join('\n')}
${choice.narrow ? '' : declareFetch(a) + declareFetch(b)}`,
    main: mainOf(choice, shape, a, b),
  };
});

/** Four values of a row of memory, zeros beyond its end and below the last row. */
const declareFetch = ({ name, buffer, wide }: Operand): string => {
  const narrow = `var value = vec4<f32>(${buffer}[at], 0, 0, 0);
  ${[1, 2, 3].map((i) => `if (column + ${i} < columns) { value[${i}] = ${buffer}[at + ${i}]; }`).join('\n  ')}
  return value;`;
  return `
fn fetch${name}(base: u32, row: u32, column: u32, rows: u32, columns: u32, stride: u32) -> vec4<f32> {
  if (row >= rows || column >= columns) { return vec4<f32>(0); }
  let at = base + row * stride + column;
  ${wide ? `return ${buffer}[at >> 2];` : narrow}
}`;
};

/** Group n of an invocation: its line in workgroup memory, and its place in that. */
const placeOf = ({ groups }: Operand, lanes: number, n: number): [line: string, place: string] => {
  const index = `(lane + ${n * lanes}u)`;
  return [`${index} / ${groups}u`, `${index} % ${groups}u`];
};

function fetchAll(operand: Operand, shape: MatrixShape, depth: string): string {
  const { name, buffer, along, group, turns } = operand;
  const [side, first] = name === 'A' ? ['p.M', 'firstM'] : ['p.N', 'firstN'];
  return lines(turns, (n) => {
    const [line, place] = placeOf(operand, lanesOf(shape), n);
    if (group === OCTET) {
      const [row, column] = along ? [`${depth} + ${line}`, first] : [`${first} + ${line}`, `(${depth})`];
      return `    next${name}${n} = ${buffer}[base${name} + (${row}) * p.stride${name} + ${column} / ${OCTET}u + ${place}];`;
    }
    const where = along
      ? `${depth} + ${line}, ${first} + ${place} * 4u, end, ${side}`
      : `${first} + ${line}, ${depth} + ${place} * 4u, ${side}, end`;
    return `    next${name}${n} = fetch${name}(base${name}, ${where}, p.stride${name});`;
  });
}

/** Writes what was fetched to workgroup memory, `to` vectors behind its begin. */
function storeAll(operand: Operand, shape: MatrixShape, to: string): string {
  const { name, group, unit, stride, turns } = operand;
  return lines(turns, (n) => {
    const [line, place] = placeOf(operand, lanesOf(shape), n);
    const at = `${to}${line} * ${stride}u + ${place}`;
    if (unit === OCTET) return `    tile${name}[${at}] = next${name}${n};`;
    if (group === 4) return `    tile${name}[${at}] = vec4<f16>(next${name}${n});`;
    return `    tile${name}[${at} * 2u] = bitcast<vec4<f16>>(next${name}${n}.xy);
    tile${name}[${at} * 2u + 1u] = bitcast<vec4<f16>>(next${name}${n}.zw);`;
  });
}

/** A matrix of an operand, from `side` on along its side and step k along the inner size: offset and stride are counted in vectors. */
const load = ({ name, along, unit, stride }: Operand, side: string, k: number, from: string): string => {
  const [type, isRow] = name === 'A' ? ['Left', !along] : ['Right', along];
  const offset = along ? `${k * UNIT * stride}u + (${side}) / ${unit}u` : `(${side}) * ${stride}u + ${(k * UNIT) / unit}u`;
  return `subgroupMatrixLoad<${type}, ${isRow ? 'row_major' : 'col_major'}>(&tile${name}, ${from}${offset}, ${stride}u)`;
};

const each = ({ rows, columns }: MatrixShape, make: (i: number, j: number) => string): string =>
  range(rows)
    .flatMap((i) => range(columns).map((j) => make(i, j)))
    .join('\n');

function mainOf({ accumulate, wideC }: MatrixTileChoice, shape: MatrixShape, a: Operand, b: Operand): string {
  const { tileM, tileN, rows, columns, band } = shape;
  const at = (i: number, j: number): string => `atC + (row + ${i * UNIT}u) * p.strideC + column + ${j * UNIT}u`;
  const given = accumulate
    ? `  if (isWhole) {\n${each(shape, (i, j) => `    c${i}${j} = subgroupMatrixLoad<Sum, row_major>(&c, ${at(i, j)}, p.strideC);`)}\n  }`
    : '';
  const across = tileN / (columns * UNIT);
  return `
  let tile = group % (p.tilesM * p.tilesN);
  let band = tile / (p.tilesN * ${band}) * ${band};
  let height = min(p.tilesM - band, ${band});
  let inBand = tile - band * p.tilesN;
  let firstM = (band + inBand % height) * ${tileM};
  let firstN = inBand / height * ${tileN};
  let z = group / (p.tilesN * p.tilesM); // of [batch, parts]
  let batch = z / p.parts;
  let begin = z % p.parts * p.partSize;
  let end = min(begin + p.partSize, p.K);
  let baseA = batch * p.sizeA;
  let baseB = batch * p.sizeB;
  let atC = z * p.M * p.strideC;
  let ofM = subgroup / ${across} * ${rows * UNIT};
  let ofN = subgroup % ${across} * ${columns * UNIT};
  let row = firstM + ofM;
  let column = firstN + ofN;
  let isWhole = ${wideC ? `firstM + ${tileM} <= p.M && firstN + ${tileN} <= p.N` : 'false'};
${each(shape, (i, j) => `  var c${i}${j}: Sum;`)}
${given}
${[a, b].map(({ name, turns, group }) => lines(turns, (n) => `  var next${name}${n}: ${group === OCTET ? 'vec4<u32>' : 'vec4<f32>'};`)).join('\n')}
${loopOf(shape, a, b)}
  if (isWhole) {
${each(shape, (i, j) => `    subgroupMatrixStore<row_major>(&c, ${at(i, j)}, c${i}${j}, p.strideC);`)}
    return;
  }
${each(shape, (i, j) => writeEdge(shape, i, j, accumulate))}`;
}

/** Adds up the products of all parts of the inner size. */
function loopOf(shape: MatrixShape, a: Operand, b: Operand): string {
  const { depth, isAhead, isDouble } = shape;
  const fetch = (from: string): string => `${fetchAll(a, shape, from)}\n${fetchAll(b, shape, from)}`;
  const store = (toA: string, toB: string): string => `${storeAll(a, shape, toA)}\n${storeAll(b, shape, toB)}`;
  const products = (fromA: string, fromB: string): string => lines(depth / UNIT, (k) => multiply(shape, a, b, k, [fromA, fromB]));
  const loop = `  for (var depth = begin; depth < end; depth += ${depth}) {`;
  if (isDouble)
    return `${fetch('begin')}
${store('', '')}
  workgroupBarrier();
  var half = 0u;
${loop}
    let hasNext = depth + ${depth} < end;
    if (hasNext) {
${fetch(`(depth + ${depth})`)}
    }
${products(`half * ${a.size}u + `, `half * ${b.size}u + `)}
    half = 1u - half;
    if (hasNext) {
${store(`half * ${a.size}u + `, `half * ${b.size}u + `)}
    }
    workgroupBarrier();
  }`;
  if (!isAhead)
    return `${loop}
${fetch('depth')}
    workgroupBarrier();
${store('', '')}
    workgroupBarrier();
${products('', '')}
  }`;
  return `${fetch('begin')}
${loop}
${store('', '')}
    workgroupBarrier();
    if (depth + ${depth} < end) {
${fetch(`(depth + ${depth})`)}
    }
${products('', '')}
    workgroupBarrier();
  }`;
}

const multiply = (shape: MatrixShape, a: Operand, b: Operand, k: number, [fromA, fromB]: [string, string]): string => `    {
${lines(shape.rows, (i) => `      let a${i} = ${load(a, `ofM + ${i * UNIT}u`, k, fromA)};`)}
${lines(shape.columns, (j) => `      let b${j} = ${load(b, `ofN + ${j * UNIT}u`, k, fromB)};`)}
${each(shape, (i, j) => `      c${i}${j} = subgroupMatrixMultiplyAccumulate(a${i}, b${j}, c${i}${j});`)}
    }`;

/** One matrix of every subgroup, which all invocations then write. */
const writeEdge = (shape: MatrixShape, i: number, j: number, accumulate: boolean): string => {
  const { tileN, rows, columns } = shape;
  const across = tileN / (columns * UNIT);
  return `
  subgroupMatrixStore<row_major>(&edge, subgroup * ${UNIT * UNIT}u, c${i}${j}, ${UNIT}u);
  workgroupBarrier();
  for (var value = lane; value < ${subgroupsOf(shape) * UNIT * UNIT}u; value += ${lanesOf(shape)}u) {
    let s = value / ${UNIT * UNIT};
    let y = firstM + s / ${across} * ${rows * UNIT} + ${i * UNIT} + value / ${UNIT} % ${UNIT};
    let x = firstN + s % ${across} * ${columns * UNIT} + ${j * UNIT} + value % ${UNIT};
    if (y < p.M && x < p.N) {
      let at = atC + y * p.strideC + x;
      c[at] = edge[value]${accumulate ? ' + c[at]' : ''};
    }
  }
  workgroupBarrier();`;
};
