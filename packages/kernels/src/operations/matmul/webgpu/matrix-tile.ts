import { type Program, variants } from '../../../backends/webgpu/program';
import { OCTET } from './narrow';

/** Rows and columns of C of a workgroup. */
export const MATRIX_TILE = 128;
/** Of the inner size, what lies in workgroup memory at a time. */
export const MATRIX_DEPTH = 64;
/** Rows, columns and inner size of the matrices that a subgroup multiplies. */
const UNIT = 16;
/** Of C, the matrices of a subgroup: rows of them, and columns. */
const [ROWS, COLUMNS] = [2, 4];
const SUBGROUPS = MATRIX_TILE ** 2 / (ROWS * COLUMNS * UNIT ** 2);
/** Subgroups that lie beside each other in a tile. */
const ACROSS = MATRIX_TILE / (COLUMNS * UNIT);
/** Invocations of a workgroup, in subgroups of 32. */
const LANES = 32 * SUBGROUPS;
/** Halves behind each line of workgroup memory, so that lines begin in different banks. */
const PADDING = 8;
/** Bytes of workgroup memory: lines of both operands, along the side, which takes more, and the values of one matrix of each subgroup. */
export const MATRIX_BYTES =
  2 * MATRIX_DEPTH * (2 * MATRIX_TILE + PADDING * (MATRIX_TILE / (ROWS * UNIT) + ACROSS)) + 4 * SUBGROUPS * UNIT ** 2;

export interface MatrixTileChoice {
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

/**
 * How an operand lies in workgroup memory: in lines as in memory, `along` the side or along the inner size. What a row or a column of subgroups multiplies is an
 * array of its own, in which every matrix has a place that is known: no bounds have to be checked.
 */
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
  /** Arrays, and values along the side of each. */
  readonly arrays: number;
  readonly side: number;
  /** Vectors of four halves of a line of an array, and of all of them. */
  readonly stride: number;
  readonly size: number;
}

function operandOf(name: 'A' | 'B', choice: MatrixTileChoice): Operand {
  const [along, wide] = name === 'A' ? [choice.transposeA, choice.wideA] : [!choice.transposeB, choice.wideB];
  const group = choice.narrow ? OCTET : 4;
  const side = (name === 'A' ? ROWS : COLUMNS) * UNIT;
  const [line, ofArray, lines] = along ? [MATRIX_TILE, side, MATRIX_DEPTH] : [MATRIX_DEPTH, MATRIX_DEPTH, side];
  const stride = (ofArray + PADDING) / 4;
  const turns = (MATRIX_TILE * MATRIX_DEPTH) / group / LANES;
  const arrays = MATRIX_TILE / side;
  const buffer = name === 'A' ? 'a' : 'b';
  return { name, buffer, along, wide, group, turns, groups: line / group, arrays, side, stride, size: lines * stride };
}

/**
 * C = A B on matrices of subgroups of 32: factors are float16 in workgroup memory, to which they are rounded on their way or were before; sums are float32.
 * A workgroup has a tile of C, and each of its subgroups a part of that. Parts of the inner size as in {@link tileProgram}. A workgroup at the edge of C
 * writes through workgroup memory.
 */
export const matrixTileProgram = variants((choice: MatrixTileChoice): Program => {
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
    size: LANES,
    declarations: `
alias Left = subgroup_matrix_left<f16, ${UNIT}, ${UNIT}>;
alias Right = subgroup_matrix_right<f16, ${UNIT}, ${UNIT}>;
alias Sum = subgroup_matrix_result<f32, ${UNIT}, ${UNIT}>;
var<workgroup> edge: array<f32, ${SUBGROUPS * UNIT * UNIT}>;
${[a, b].map(({ name, size, arrays }) => `var<workgroup> tile${name}: array<array<vec4<f16>, ${size}>, ${arrays}>;`).join('\n')}
${choice.narrow ? '' : declareFetch(a) + declareFetch(b)}`,
    main: mainOf(choice, a, b),
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
const placeOf = ({ groups }: Operand, n: number): [line: string, place: string] => {
  const index = `(lane + ${n * LANES}u)`;
  return [`(${index} / ${groups}u)`, `(${index} % ${groups}u)`];
};

function fetchAll(operand: Operand, depth: string): string {
  const { name, buffer, along, group, turns } = operand;
  const [side, first] = name === 'A' ? ['p.M', 'firstM'] : ['p.N', 'firstN'];
  return lines(turns, (n) => {
    const [line, place] = placeOf(operand, n);
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

/** Writes what was fetched to workgroup memory. */
function storeAll(operand: Operand): string {
  const { name, along, group, side, stride, turns } = operand;
  return lines(turns, (n) => {
    const [line, place] = placeOf(operand, n);
    const [array, ofArray, inLine] = along
      ? [`${place} / ${side / group}u`, line, `${place} % ${side / group}u`]
      : [`${line} / ${side}u`, `${line} % ${side}u`, place];
    const at = (vector: number): string => `tile${name}[${array}][${ofArray} * ${stride}u + ${inLine} * ${group / 4}u + ${vector}u]`;
    if (group === 4) return `    ${at(0)} = vec4<f16>(next${name}${n});`;
    return `    ${at(0)} = bitcast<vec4<f16>>(next${name}${n}.xy);
    ${at(1)} = bitcast<vec4<f16>>(next${name}${n}.zw);`;
  });
}

/** Matrix `i` of an operand along its side, and step k along the inner size: offset and stride are counted in vectors. */
const load = ({ name, along, stride }: Operand, i: number, k: number): string => {
  const [type, isRow] = name === 'A' ? ['Left', !along] : ['Right', along];
  const [line, place] = along ? [k, i] : [i, k];
  const offset = UNIT * (line * stride + place / 4);
  return `subgroupMatrixLoad<${type}, ${isRow ? 'row_major' : 'col_major'}>(&tile${name}[of${name}], ${offset}u, ${stride}u)`;
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
  let firstM = group / p.tilesN % p.tilesM * ${MATRIX_TILE};
  let firstN = group % p.tilesN * ${MATRIX_TILE};
  let z = group / (p.tilesN * p.tilesM); // of [batch, parts]
  let batch = z / p.parts;
  let begin = z % p.parts * p.partSize;
  let end = min(begin + p.partSize, p.K);
  let baseA = batch * p.sizeA;
  let baseB = batch * p.sizeB;
  let atC = z * p.M * p.strideC;
  let ofA = subgroup / ${ACROSS};
  let ofB = subgroup % ${ACROSS};
  let row = firstM + ofA * ${ROWS * UNIT};
  let column = firstN + ofB * ${COLUMNS * UNIT};
  let isWhole = ${wideC ? `firstM + ${MATRIX_TILE} <= p.M && firstN + ${MATRIX_TILE} <= p.N` : 'false'};
${each((i, j) => `  var c${i}${j}: Sum;`)}
${given}
${[a, b].map(({ name, turns, group }) => lines(turns, (n) => `  var next${name}${n}: ${group === OCTET ? 'vec4<u32>' : 'vec4<f32>'};`)).join('\n')}
${loopOf(a, b)}
  if (isWhole) {
${each((i, j) => `    subgroupMatrixStore<row_major>(&c, ${at(i, j)}, c${i}${j}, p.strideC);`)}
    return;
  }
${each((i, j) => writeEdge(i, j, accumulate))}`;
}

/** Adds up the products of all parts of the inner size; the next part is fetched to registers while this one is computed with. */
const loopOf = (a: Operand, b: Operand): string => `${fetchAll(a, 'begin')}
${fetchAll(b, 'begin')}
  for (var depth = begin; depth < end; depth += ${MATRIX_DEPTH}) {
${storeAll(a)}
${storeAll(b)}
    workgroupBarrier();
    if (depth + ${MATRIX_DEPTH} < end) {
${fetchAll(a, `(depth + ${MATRIX_DEPTH})`)}
${fetchAll(b, `(depth + ${MATRIX_DEPTH})`)}
    }
${lines(MATRIX_DEPTH / UNIT, (k) => multiply(a, b, k))}
    workgroupBarrier();
  }`;

const multiply = (a: Operand, b: Operand, k: number): string => `    {
${lines(ROWS, (i) => `      let a${i} = ${load(a, i, k)};`)}
${lines(COLUMNS, (j) => `      let b${j} = ${load(b, j, k)};`)}
${each((i, j) => `      c${i}${j} = subgroupMatrixMultiplyAccumulate(a${i}, b${j}, c${i}${j});`)}
    }`;

/** One matrix of every subgroup, which all invocations then write. */
const writeEdge = (i: number, j: number, accumulate: boolean): string => `
  subgroupMatrixStore<row_major>(&edge, subgroup * ${UNIT * UNIT}u, c${i}${j}, ${UNIT}u);
  workgroupBarrier();
  for (var value = lane; value < ${SUBGROUPS * UNIT * UNIT}u; value += ${LANES}u) {
    let s = value / ${UNIT * UNIT};
    let y = firstM + s / ${ACROSS} * ${ROWS * UNIT} + ${i * UNIT} + value / ${UNIT} % ${UNIT};
    let x = firstN + s % ${ACROSS} * ${COLUMNS * UNIT} + ${j * UNIT} + value % ${UNIT};
    if (y < p.M && x < p.N) {
      let at = atC + y * p.strideC + x;
      c[at] = edge[value]${accumulate ? ' + c[at]' : ''};
    }
  }
  workgroupBarrier();`;
