import { type Program, variants } from '../../../backends/webgpu/program';

/** Of the inner size, what lies in workgroup memory at a time. */
const DEPTH = 16;
/** Rows and columns of one invocation, in blocks of four each. */
const sideOf = (tile: Tile): number => (tile === 32 ? 4 : 8);

/** Rows and columns of a workgroup. The least is for products that are no larger: its shader is short. */
export type Tile = 128 | 64 | 32;

export interface TileChoice {
  tile: Tile;
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
 * C = A B, every workgroup a square of C. Both operands lie in workgroup memory as [DEPTH][tile / 4] vectors along the square's side; an operand that
 * lies along the inner size in memory is turned in registers, 4 × 4 at a time. Half of the invocations fetch A, half B, and fetch the next part while
 * this one is computed with. The inner size may be parted among workgroups (`parts`); each part is an own C, which are summed afterwards in their order.
 * In tiles of 128 the loop over a part of the inner size is written out, so that places in workgroup memory are known but for one number each.
 * Workgroup memory 2 · 16 · tile · 4 bytes, 16 KiB at most: no more than every device has.
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
    size: (choice.tile / sideOf(choice.tile)) ** 2,
    declarations: declarations(choice),
    main: mainOf(choice),
  }),
);

function declarations({ tile, transposeA, transposeB, wideA, wideB, wideC, half, accumulate }: TileChoice): string {
  const quads = tile / 4;
  const value = half ? 'f16' : 'f32';
  const sum = (at: string): string => (accumulate ? ` + c[${at}]` : '');
  return `
var<workgroup> tileA: array<vec4<${value}>, ${DEPTH * quads}>;
var<workgroup> tileB: array<vec4<${value}>, ${DEPTH * quads}>;
${readQuad('A', 'a', wideA)}
${readQuad('B', 'b', wideB)}
// Four vectors a turn: those of one column of the tile, or of four of its rows turned.
${fetchOf('A', transposeA, 'p.M')}
${fetchOf('B', !transposeB, 'p.N')}
// Vectors of a depth change places, so that invocations that turn a block write to different banks.
fn slot(depth: u32, quad: u32) -> u32 { return depth * ${quads} + (quad ^ (((depth >> 2) & 3) << 1)); }
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

function mainOf(choice: TileChoice): string {
  const { tile } = choice;
  const side = sideOf(tile);
  const quads = range(side / 4);
  const across = tile / side;
  const threads = across ** 2;
  const blocks = (DEPTH * tile) / 16 / (threads / 2); // blocks of 4 × 4 that an invocation fetches: 1 or 2
  const half = threads / 2;
  const isUnrolled = tile === 128;
  return `
  let tileN = group % p.tilesN;
  let tileM = group / p.tilesN % p.tilesM;
  let z = group / (p.tilesN * p.tilesM); // of [batch, parts]
  let batch = z / p.parts;
  let begin = z % p.parts * p.partSize;
  let end = min(begin + p.partSize, p.K);
  let tx = lane % ${across};
  let ty = lane / ${across};
  let isA = lane < ${half};
  let mine = lane % ${half};
  let baseA = batch * p.M * p.K;
  let baseB = batch * p.N * p.K;
${isUnrolled ? placesOfSwaps(quads, across) : ''}
${range(blocks)
  .map((n) => `  var next${n}: array<vec4<f32>, 4>;`)
  .join('\n')}
${range(side)
  .map((r) => quads.map((q) => `  var c${r}${q} = vec4<f32>(0);`).join(' '))
  .join('\n')}
${fetchAll(choice, blocks, half, 'begin')}
  for (var depth = begin; depth < end; depth += ${DEPTH}) {
${storeAll(choice, blocks, half)}
    workgroupBarrier();
    if (depth + ${DEPTH} < end) {
${fetchAll(choice, blocks, half, `depth + ${DEPTH}`)}
    }
${isUnrolled ? unrolledProducts(side, across) : loopOfProducts(side, across)}
    workgroupBarrier();
  }
${range(side)
  .map((r) => {
    const row = `tileM * ${tile} + ty * 4 + ${(r >> 2) * (tile / 2) + (r & 3)}`;
    return quads.map((q) => `  writeQuad(${row}, tileN * ${tile} + tx * 4 + ${q * (tile / 2)}, z, c${r}${q});`).join('\n');
  })
  .join('\n')}`;
}

const products = (side: number): string =>
  range(side)
    .map((r) =>
      range(side / 4)
        .map((q) => `      c${r}${q} = fma(vec4<f32>(a${r >> 2}[${r & 3}]), b${q}, c${r}${q});`)
        .join(''),
    )
    .join('\n');

const loopOfProducts = (side: number, across: number): string => `    for (var k = 0u; k < ${DEPTH}; k++) {
      ${range(side / 4)
        .map((q) => `let a${q} = vec4<f32>(tileA[slot(k, ty + ${q * across})]); let b${q} = vec4<f32>(tileB[slot(k, tx + ${q * across})]);`)
        .join('\n      ')}
${products(side)}
    }`;

/** Of the four ways in which vectors change places: see \`slot\`. */
const placesOfSwaps = (quads: number[], across: number): string =>
  range(4)
    .flatMap((swap) =>
      quads.map(
        (q) => `  let a${q}at${swap} = (ty + ${q * across}) ^ ${2 * swap}u; let b${q}at${swap} = (tx + ${q * across}) ^ ${2 * swap}u;`,
      ),
    )
    .join('\n');

const unrolledProducts = (side: number, across: number): string =>
  range(DEPTH)
    .map((k) => {
      const place = `${k * (side / 4) * across} + `;
      const swap = (k >> 2) & 3;
      const operands = range(side / 4).map(
        (q) => `let a${q} = vec4<f32>(tileA[${place}a${q}at${swap}]); let b${q} = vec4<f32>(tileB[${place}b${q}at${swap}]);`,
      );
      return `    {\n      ${operands.join('\n      ')}\n${products(side)}\n    }`;
    })
    .join('\n');

/**
 * Block n of an invocation: along the side its quad and along the inner size its place. Where memory runs along the side, neighbors take neighboring
 * quads of one depth; where it runs along the inner size, four neighbors take 64 bytes of the same rows.
 */
function blockOf(along: boolean, tile: number, half: number, n: number): { quad: string; depth: string } {
  const index = `(mine + ${n * half})`;
  return along
    ? { quad: `${index} % ${tile / 4}`, depth: `${index} / ${tile / 4} * 4` }
    : { quad: `${index} / ${DEPTH / 4}`, depth: `${index} % ${DEPTH / 4} * 4` };
}

function fetchAll({ tile, transposeA, transposeB }: TileChoice, blocks: number, half: number, depth: string): string {
  const fetch = (name: string, along: boolean) =>
    range(blocks)
      .map((n) => {
        const block = blockOf(along, tile, half, n);
        return `fetch${name}(base${name}, tile${name === 'A' ? 'M' : 'N'} * ${tile} + ${block.quad} * 4, ${depth} + ${block.depth}, end, &next${n});`;
      })
      .join(' ');
  return `    if (isA) { ${fetch('A', transposeA)} } else { ${fetch('B', !transposeB)} }`;
}

function storeAll({ tile, transposeA, transposeB, half: isHalf }: TileChoice, blocks: number, half: number): string {
  const store = (name: string, along: boolean) =>
    range(blocks)
      .map((n) => {
        const { quad, depth } = blockOf(along, tile, half, n);
        return range(4)
          .map((i) => {
            const value = along
              ? `next${n}[${i}]`
              : `vec4<f32>(${range(4)
                  .map((j) => `next${n}[${j}][${i}]`)
                  .join(', ')})`;
            return `tile${name}[slot(${depth} + ${i}, ${quad})] = ${isHalf ? `vec4<f16>(${value})` : value};`;
          })
          .join(' ');
      })
      .join(' ');
  return `    if (isA) { ${store('A', transposeA)} } else { ${store('B', !transposeB)} }`;
}
