import { type Program, variants } from '../../../backends/webgpu/program';
import { type Shape, threadsOf } from './tile-shapes';

export interface TileChoice {
  shape: Shape;
  transposeA: boolean;
  transposeB: boolean;
  /** Whether rows of a, b and c begin at multiples of 16 bytes: then four values are read or written at a time. */
  wideA: boolean;
  wideB: boolean;
  wideC: boolean;
  /** Whether all tiles are full, of C and along the inner size: no bounds of the operands are checked. */
  whole?: boolean;
  /** Whether factors are rounded to float16; sums are float32 either way. */
  half?: boolean;
  /** Whether the product is added to what c holds. */
  accumulate?: boolean;
}

/**
 * C = A B, every workgroup a tile of C. A part of both operands lies in workgroup memory as in memory: one that lies along its side as lines of [depth][side / 4]
 * vectors, one that lies along the inner size as lines of [side][depth / 4], and one more so that lines begin in different banks. Invocations share the vectors
 * and fetch the next part while this one is computed with. The inner size may be parted among workgroups (`parts`); each part is an own C, which are summed afterwards
 * in their order. Every sum runs along the inner size, whatever lies where. Places in workgroup memory are constants but for one number each, so that their bounds are checked once.
 */
export const tileProgram = variants(
  (choice: TileChoice): Program => ({
    name: 'SsmMatMul',
    ...(choice.half && { head: 'enable f16;' }),
    inputs: { a: choice.wideA ? 'vec4<f32>' : 'f32', b: choice.wideB ? 'vec4<f32>' : 'f32' },
    outputs: { c: choice.wideC ? 'vec4<f32>' : 'f32' },
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
    size: threadsOf(choice.shape),
    declarations: declarations(choice),
    main: mainOf(choice),
  }),
);

function declarations(choice: TileChoice): string {
  const { wideA, wideB, wideC, half, accumulate } = choice;
  const value = half ? 'f16' : 'f32';
  const sum = (at: string): string => (accumulate ? ` + c[${at}]` : '');
  const tile = ({ name, lines, line }: Operand): string => `var<workgroup> tile${name}: array<array<vec4<${value}>, ${line}>, ${lines}>;`;
  return `
${operandsOf(choice).map(tile).join('\n')}
${readQuad('A', 'a', wideA)}
${readQuad('B', 'b', wideB)}
${operandsOf(choice)
  .map((operand) => fetchOf(operand, choice))
  .join('\n')}
fn writeQuad(row: u32, column: u32, batch: u32, value: vec4<f32>) {
  ${choice.whole ? '' : 'if (row >= p.M || column >= p.N) { return; }'}
  let at = (batch * p.M + row) * p.strideC + column;
  ${wideC ? `c[at >> 2] = value${sum('at >> 2')};` : [0, 1, 2, 3].map((i) => `if (column + ${i} < p.N) { c[at + ${i}] = value[${i}]${sum(`at + ${i}`)}; }`).join('\n  ')}
}`;
}

/** An operand in workgroup memory. */
interface Operand {
  readonly name: 'A' | 'B';
  /** Whether it lies along its side, which is of that many values. */
  readonly along: boolean;
  readonly side: number;
  /** Lines, and vectors of one. */
  readonly lines: number;
  readonly line: number;
}

const operandsOf = ({ shape, transposeA, transposeB }: TileChoice): [Operand, Operand] => [
  operandOf('A', transposeA, shape.m, shape),
  operandOf('B', !transposeB, shape.n, shape),
];

function operandOf(name: 'A' | 'B', along: boolean, side: number, { depth }: Shape): Operand {
  return along ? { name, along, side, lines: depth, line: side / 4 } : { name, along, side, lines: side, line: depth / 4 + 1 };
}

/** Four values along memory from `at` on, of which `left` are inside. */
const readQuad = (name: string, buffer: string, wide: boolean): string => `
fn quad${name}(at: u32, left: u32) -> vec4<f32> {
  ${
    wide
      ? `return ${buffer}[at >> 2];`
      : `var value = vec4<f32>(${buffer}[at], 0, 0, 0);
  ${[1, 2, 3].map((i) => `if (left > ${i}) { value[${i}] = ${buffer}[at + ${i}]; }`).join('\n  ')}
  return value;`
  }
}`;

/** Four vectors: of operand [side, inner] in memory, or [inner, side] where `along`, from `first` of the side and `depth` of the inner size on. */
function fetchOf({ name, along }: Operand, { whole }: TileChoice): string {
  const side = name === 'A' ? 'p.M' : 'p.N';
  const [row, column, rows, columns] = along ? ['depth', 'first', 'end', side] : ['first', 'depth', side, 'end'];
  return `fn fetch${name}(base: u32, first: u32, depth: u32, end: u32, into: ptr<function, array<vec4<f32>, 4>>) {
  for (var i = 0u; i < 4; i++) {
    let row = ${row} + i;
    ${whole ? '' : `(*into)[i] = vec4<f32>(0);\n    if (row < ${rows} && ${column} < ${columns}) `}{ (*into)[i] = quad${name}(base + row * p.stride${name} + ${column}, ${columns} - ${column}); }
  }
}`;
}

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

/** Blocks of four rows, and of four columns, of an invocation; and invocations of a tile below and beside each other. */
const gridOf = ({ m, n, rows, columns }: Shape) => ({
  quadsA: range(rows / 4),
  quadsB: range(columns / 4),
  down: m / rows,
  across: n / columns,
});

function mainOf(choice: TileChoice): string {
  const { shape } = choice;
  const { m, n, rows, depth } = shape;
  const { quadsB, down, across } = gridOf(shape);
  return `
  let tileN = group % p.tilesN;
  let tileM = group / p.tilesN % p.tilesM;
  let z = group / (p.tilesN * p.tilesM); // of [batch, parts]
  let batch = z / p.parts;
  let begin = z % p.parts * p.partSize;
  let end = min(begin + p.partSize, p.K);
  // 32 invocations take a part of 4 × 8 blocks, neighbors the same column or row: they read workgroup memory less often than a row
  let warp = lane / 32;
  let tx = ((lane >> 1) & 3) + ((lane >> 4) & 1) * 4 + warp % ${across / 8} * 8;
  let ty = (lane & 1) + ((lane >> 3) & 1) * 2 + warp / ${across / 8} * 4;
  let baseA = batch * p.M * p.K;
  let baseB = batch * p.N * p.K;
${range(turnsOf(shape))
  .map((turn) => `  var next${turn}: array<vec4<f32>, 4>;`)
  .join('\n')}
${range(rows)
  .map((r) => quadsB.map((q) => `  var c${r}${letter(q)} = vec4<f32>(0);`).join(' '))
  .join('\n')}
${fetchAll(choice, 'begin')}
  for (var depth = begin; depth < end; depth += ${depth}) {
${storeAll(choice)}
    workgroupBarrier();
    if (depth + ${depth} < end) {
${fetchAll(choice, `depth + ${depth}`)}
    }
${productsOf(choice)}
    workgroupBarrier();
  }
${range(rows)
  .map((r) => {
    const row = `tileM * ${m} + ty * 4 + ${4 * (r >> 2) * down + (r & 3)}`;
    return quadsB.map((q) => `  writeQuad(${row}, tileN * ${n} + tx * 4 + ${4 * q * across}, z, c${r}${letter(q)});`).join('\n');
  })
  .join('\n')}`;
}

const letter = (i: number): string => 'abcd'[i] as string;

/** Adds up the products of a part of the inner size, four of it at a time. */
function productsOf(choice: TileChoice): string {
  const { depth, unrolled } = choice.shape;
  if (!unrolled) return `    for (var k = 0u; k < ${depth / 4}; k++) {\n${fourProducts(choice, 'k')}\n    }`;
  return range(depth / 4)
    .map((k) => `    {\n${fourProducts(choice, k)}\n    }`)
    .join('\n');
}

/** An operand, and where the blocks of an invocation lie in it: by its first quad, and how many quads they are apart. */
interface Blocks {
  readonly operand: Operand;
  readonly first: 'tx' | 'ty';
  readonly quads: readonly number[];
  readonly apart: number;
}

/** Declares the vectors of an operand along its side, a quad each: of one step of the inner size. */
const alongSide = ({ operand: { name }, first, quads, apart }: Blocks, step: string | number): string[] =>
  quads.map((q) => `      let ${name.toLowerCase()}${q} = vec4<f32>(tile${name}[${step}][${first} + ${q * apart}]);`);

/** Declares the vectors of an operand along the inner size, one for each row or column: of four steps of it. */
const alongDepth = ({ operand: { name, side }, first, quads, apart }: Blocks, four: string | number): string[] =>
  quads.flatMap((q) =>
    range(4).map((i) => {
      const line = `${first} + ${(i * side) / 4 + q * apart}`;
      return `      let ${name.toLowerCase()}${4 * q + i} = vec4<f32>(tile${name}[${line}][${four}]);`;
    }),
  );

function fourProducts(choice: TileChoice, four: string | number): string {
  const { shape } = choice;
  const [a, b] = operandsOf(choice);
  const { quadsA, quadsB, down, across } = gridOf(shape);
  const blocks: readonly Blocks[] = [
    { operand: a, first: 'ty', quads: quadsA, apart: down },
    { operand: b, first: 'tx', quads: quadsB, apart: across },
  ];
  const valueOfA = (r: number, i: number): string => (a.along ? `a${r >> 2}[${r & 3}]` : `a${r}[${i}]`);
  const quadOfB = (q: number, i: number): string => {
    const turned = range(4).map((j) => `b${4 * q + j}[${i}]`);
    return b.along ? `b${q}` : `vec4<f32>(${turned.join(', ')})`;
  };
  const products = (i: number): string[] =>
    range(shape.rows).map((r) =>
      quadsB.map((q) => `      c${r}${letter(q)} = fma(vec4<f32>(${valueOfA(r, i)}), ${quadOfB(q, i)}, c${r}${letter(q)});`).join(''),
    );
  const stepOf = (i: number): string | number => (typeof four === 'number' ? 4 * four + i : `${four} * 4 + ${i}`);
  return [
    ...blocks.flatMap((one) => (one.operand.along ? [] : alongDepth(one, four))),
    ...range(4).flatMap((i) => [
      '      {',
      ...blocks.flatMap((one) => (one.operand.along ? alongSide(one, stepOf(i)) : [])),
      ...products(i),
      '      }',
    ]),
  ].join('\n');
}

/** Blocks of four vectors of both operands that an invocation fetches of a part of the inner size. */
const turnsOf = (shape: Shape): number => Math.ceil((shape.depth * (shape.m + shape.n)) / 16 / threadsOf(shape));

/**
 * Code for each block that an invocation fetches: those of A come first, then those of B. Along the side a block has its quad and along the inner size its
 * place. Neighbors take neighboring vectors of memory.
 */
function ofBlocks(choice: TileChoice, code: (operand: Operand, turn: number, quad: string, depth: string) => string): string {
  const { m, n, depth } = choice.shape;
  const threads = threadsOf(choice.shape);
  const [a, b] = operandsOf(choice);
  const blocksA = (m * depth) / 16;
  const blocks = blocksA + (n * depth) / 16;
  const of = (operand: Operand, turn: number): string => {
    const index = `(lane + ${turn * threads}${operand === a ? '' : ` - ${blocksA}`})`;
    const { along, side } = operand;
    const length = (along ? side : depth) / 4;
    const [outer, inner] = [`${index} / ${length}`, `${index} % ${length}`] as const;
    return along ? code(operand, turn, inner, outer) : code(operand, turn, outer, inner);
  };
  return range(turnsOf(choice.shape))
    .map((turn) => {
      const [first, last] = [turn * threads, (turn + 1) * threads];
      const ofB = last <= blocks ? of(b, turn) : `if (lane < ${blocks - first}) { ${of(b, turn)} }`;
      if (first >= blocksA) return `    ${ofB}`;
      return last <= blocksA ? `    ${of(a, turn)}` : `    if (lane < ${blocksA - first}) { ${of(a, turn)} } else { ${ofB} }`;
    })
    .join('\n');
}

const fetchAll = (choice: TileChoice, depth: string): string =>
  ofBlocks(choice, ({ name }, turn, quad, place) => {
    const first = name === 'A' ? `tileM * ${choice.shape.m}` : `tileN * ${choice.shape.n}`;
    return `fetch${name}(base${name}, ${first} + ${quad} * 4, ${depth} + ${place} * 4, end, &next${turn});`;
  });

/** Lines along the inner size lie apart by what they are of a quad: so invocations, whose quads are neighbors, read from different banks. */
const storeAll = (choice: TileChoice): string =>
  ofBlocks(choice, ({ name, along, side }, turn, quad, place) =>
    range(4)
      .map((i) => {
        const at = along ? `[${place} * 4 + ${i}][${quad}]` : `[${(i * side) / 4} + ${quad}][${place}]`;
        return `tile${name}${at} = ${choice.half ? `vec4<f16>(next${turn}[${i}])` : `next${turn}[${i}]`};`;
      })
      .join(' '),
  );
