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
  /** Whether factors are rounded to float16; sums are float32 either way. */
  half?: boolean;
  /** Whether the product is added to what c holds. */
  accumulate?: boolean;
}

/**
 * C = A B, every workgroup a tile of C. Both operands lie in workgroup memory as [depth][side / 4] vectors along the tile's side; an operand that
 * lies along the inner size in memory is turned in registers, 4 × 4 at a time. Invocations share the blocks of A and B, and fetch the next part while
 * this one is computed with. The inner size may be parted among workgroups (`parts`); each part is an own C, which are summed afterwards in their order.
 * Where the loop over a part of the inner size is written out, places in workgroup memory are known but for one number each.
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

function declarations({ shape, transposeA, transposeB, wideA, wideB, wideC, half, accumulate }: TileChoice): string {
  const { m, n, depth, buffers } = shape;
  const value = half ? 'f16' : 'f32';
  const sum = (at: string): string => (accumulate ? ` + c[${at}]` : '');
  return `
var<workgroup> tileA: array<vec4<${value}>, ${(buffers * depth * m) / 4}>;
var<workgroup> tileB: array<vec4<${value}>, ${(buffers * depth * n) / 4}>;
${readQuad('A', 'a', wideA)}
${readQuad('B', 'b', wideB)}
// Four vectors a turn: those of one column of the tile, or of four of its rows turned.
${fetchOf('A', transposeA, 'p.M')}
${fetchOf('B', !transposeB, 'p.N')}
// Vectors of a depth change places, so that invocations that turn a block write to different banks.
fn slotA(depth: u32, quad: u32) -> u32 { return depth * ${m / 4} + (quad ^ (((depth >> 2) & 3) << 1)); }
fn slotB(depth: u32, quad: u32) -> u32 { return depth * ${n / 4} + (quad ^ (((depth >> 2) & 3) << 1)); }
fn writeQuad(row: u32, column: u32, batch: u32, value: vec4<f32>) {
  if (row >= p.M || column >= p.N) { return; }
  let at = (batch * p.M + row) * p.strideC + column;
  ${wideC ? `c[at >> 2] = value${sum('at >> 2')};` : [0, 1, 2, 3].map((i) => `if (column + ${i} < p.N) { c[at + ${i}] = value[${i}]${sum(`at + ${i}`)}; }`).join('\n  ')}
}`;
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

/** Operand [side, inner] in memory, or [inner, side] where `along`, from `first` of the side and `depth` of the inner size on. */
function fetchOf(name: string, along: boolean, side: string): string {
  const body = along
    ? `let row = depth + i; // of memory
    if (row < end && first < ${side}) { (*into)[i] = quad${name}(base + row * p.stride${name} + first, ${side} - first); }`
    : `let row = first + i;
    if (row < ${side} && depth < end) { (*into)[i] = quad${name}(base + row * p.stride${name} + depth, end - depth); }`;
  return `fn fetch${name}(base: u32, first: u32, depth: u32, end: u32, into: ptr<function, array<vec4<f32>, 4>>) {
  for (var i = 0u; i < 4; i++) {
    (*into)[i] = vec4<f32>(0);
    ${body}
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

/** Vectors of one of the buffers of an operand. */
const sizeOfBuffer = (name: 'A' | 'B', { m, n, depth }: Shape): number => (depth * (name === 'A' ? m : n)) / 4;

function mainOf(choice: TileChoice): string {
  const { shape } = choice;
  const { m, n, rows, depth, buffers } = shape;
  const { quadsB, down, across } = gridOf(shape);
  const next = `    if (depth + ${depth} < end) {`;
  const compute = shape.unrolled ? unrolledProducts(shape) : loopOfProducts(shape);
  return `
  let tileN = group % p.tilesN;
  let tileM = group / p.tilesN % p.tilesM;
  let z = group / (p.tilesN * p.tilesM); // of [batch, parts]
  let batch = z / p.parts;
  let begin = z % p.parts * p.partSize;
  let end = min(begin + p.partSize, p.K);
${placeOf(shape)}
  let baseA = batch * p.M * p.K;
  let baseB = batch * p.N * p.K;
${shape.unrolled ? placesOfSwaps(shape) : ''}
${range(turnsOf(shape))
  .map((turn) => `  var next${turn}: array<vec4<f32>, 4>;`)
  .join('\n')}
${range(rows)
  .map((r) => quadsB.map((q) => `  var c${r}${letter(q)} = vec4<f32>(0);`).join(' '))
  .join('\n')}
${buffers === 2 ? '  var buffer = 0u;' : '  let buffer = 0u;'}
${fetchAll(choice, 'begin')}
${
  buffers === 1
    ? `  for (var depth = begin; depth < end; depth += ${depth}) {
${storeAll(choice, '0u')}
    workgroupBarrier();
${next}
${fetchAll(choice, `depth + ${depth}`)}
    }
${compute}
    workgroupBarrier();
  }`
    : `${storeAll(choice, '0u')}
  workgroupBarrier();
  for (var depth = begin; depth < end; depth += ${depth}) {
${next}
${fetchAll(choice, `depth + ${depth}`)}
    }
${compute}
${next}
${storeAll(choice, '1 - buffer')}
    }
    buffer = 1 - buffer;
    workgroupBarrier();
  }`
}
${range(rows)
  .map((r) => {
    const row = `tileM * ${m} + ty * 4 + ${4 * (r >> 2) * down + (r & 3)}`;
    return quadsB.map((q) => `  writeQuad(${row}, tileN * ${n} + tx * 4 + ${4 * q * across}, z, c${r}${letter(q)});`).join('\n');
  })
  .join('\n')}`;
}

/** Which blocks of a tile an invocation has. */
function placeOf(shape: Shape): string {
  const { across } = gridOf(shape);
  if (!shape.woven) return `  let tx = lane % ${across};\n  let ty = lane / ${across};`;
  return `  let warp = lane / 32;
  let tx = ((lane >> 1) & 3) + ((lane >> 4) & 1) * 4 + warp % ${across / 8} * 8;
  let ty = (lane & 1) + ((lane >> 3) & 1) * 2 + warp / ${across / 8} * 4;`;
}

const letter = (i: number): string => 'abcd'[i] as string;

const products = ({ rows, columns }: Shape): string =>
  range(rows)
    .map((r) =>
      range(columns / 4)
        .map((q) => `      c${r}${letter(q)} = fma(vec4<f32>(a${r >> 2}[${r & 3}]), b${q}, c${r}${letter(q)});`)
        .join(''),
    )
    .join('\n');

function loopOfProducts(shape: Shape): string {
  const { quadsA, quadsB, down, across } = gridOf(shape);
  const read = (name: 'A' | 'B', q: number, at: string): string =>
    `let ${name.toLowerCase()}${q} = vec4<f32>(tile${name}[buffer * ${sizeOfBuffer(name, shape)} + slot${name}(k, ${at})]);`;
  return `    for (var k = 0u; k < ${shape.depth}; k++) {
      ${[...quadsA.map((q) => read('A', q, `ty + ${q * down}`)), ...quadsB.map((q) => read('B', q, `tx + ${q * across}`))].join('\n      ')}
${products(shape)}
    }`;
}

/** Of the ways in which vectors change places: see `slotA`. */
function placesOfSwaps(shape: Shape): string {
  const { quadsA, quadsB, down, across } = gridOf(shape);
  return range(shape.depth / 4)
    .flatMap((swap) => [
      ...quadsA.map((q) => `  let a${q}at${swap} = (ty + ${q * down}) ^ ${2 * swap}u;`),
      ...quadsB.map((q) => `  let b${q}at${swap} = (tx + ${q * across}) ^ ${2 * swap}u;`),
    ])
    .join('\n');
}

function unrolledProducts(shape: Shape): string {
  const { quadsA, quadsB } = gridOf(shape);
  const { m, n, depth, buffers } = shape;
  const bases = (['A', 'B'] as const).map((name) => `    let base${name}Now = buffer * ${sizeOfBuffer(name, shape)};`);
  const read = (name: 'a' | 'b', q: number, k: number, line: number): string => {
    const operand = name.toUpperCase();
    return `let ${name}${q} = vec4<f32>(tile${operand}[${buffers === 2 ? `base${operand}Now + ` : ''}${k * line} + ${name}${q}at${k >> 2}]);`;
  };
  const steps = range(depth).map((k) => {
    const operands = [...quadsA.map((q) => read('a', q, k, m / 4)), ...quadsB.map((q) => read('b', q, k, n / 4))];
    return `    {\n      ${operands.join('\n      ')}\n${products(shape)}\n    }`;
  });
  return [...(buffers === 2 ? bases : []), ...steps].join('\n');
}

/** Blocks of 4 × 4 of both operands that an invocation fetches of a part of the inner size. */
const turnsOf = (shape: Shape): number => Math.ceil((shape.depth * (shape.m + shape.n)) / 16 / threadsOf(shape));

/**
 * Code for each block that an invocation fetches: those of A come first, then those of B. Along the side a block has its quad and along the inner size its
 * place. Where memory runs along the side, neighbors take neighboring quads of one depth; where it runs along the inner size, four neighbors take 64 bytes of the same rows.
 */
function ofBlocks(choice: TileChoice, code: (name: 'A' | 'B', turn: number, quad: string, depth: string) => string): string {
  const { m, n, depth } = choice.shape;
  const threads = threadsOf(choice.shape);
  const blocksA = (m * depth) / 16;
  const blocks = blocksA + (n * depth) / 16;
  const of = (name: 'A' | 'B', turn: number): string => {
    const index = `(lane + ${turn * threads}${name === 'A' ? '' : ` - ${blocksA}`})`;
    const [side, along] = name === 'A' ? [m, choice.transposeA] : [n, !choice.transposeB];
    return along
      ? code(name, turn, `${index} % ${side / 4}`, `${index} / ${side / 4} * 4`)
      : code(name, turn, `${index} / ${depth / 4}`, `${index} % ${depth / 4} * 4`);
  };
  return range(turnsOf(choice.shape))
    .map((turn) => {
      const [first, last] = [turn * threads, (turn + 1) * threads];
      const ofB = last <= blocks ? of('B', turn) : `if (lane < ${blocks - first}) { ${of('B', turn)} }`;
      if (first >= blocksA) return `    ${ofB}`;
      return last <= blocksA ? `    ${of('A', turn)}` : `    if (lane < ${blocksA - first}) { ${of('A', turn)} } else { ${ofB} }`;
    })
    .join('\n');
}

const fetchAll = (choice: TileChoice, depth: string): string =>
  ofBlocks(choice, (name, turn, quad, place) => {
    const first = name === 'A' ? `tileM * ${choice.shape.m}` : `tileN * ${choice.shape.n}`;
    return `fetch${name}(base${name}, ${first} + ${quad} * 4, ${depth} + ${place}, end, &next${turn});`;
  });

const storeAll = (choice: TileChoice, buffer: string): string =>
  ofBlocks(choice, (name, turn, quad, place) => {
    const along = name === 'A' ? choice.transposeA : !choice.transposeB;
    const turned = (i: number): string =>
      `vec4<f32>(${range(4)
        .map((j) => `next${turn}[${j}][${i}]`)
        .join(', ')})`;
    return range(4)
      .map((i) => {
        const value = along ? `next${turn}[${i}]` : turned(i);
        const at = `${buffer === '0u' ? '' : `(${buffer}) * ${sizeOfBuffer(name, choice.shape)} + `}slot${name}(${place} + ${i}, ${quad})`;
        return `tile${name}[${at}] = ${choice.half ? `vec4<f16>(${value})` : value};`;
      })
      .join(' ');
  });
