/** Rows, columns and inner size of the matrices that a subgroup multiplies. */
export const UNIT = 16;
/** Halves behind each line of workgroup memory, so that lines begin in different banks. */
export const PADDING = 8;

/** How the products of a workgroup's subgroups cover a tile of C. */
export interface MatrixShape {
  /** Rows and columns of C of a workgroup. */
  readonly tileM: number;
  readonly tileN: number;
  /** Of the inner size, what lies in workgroup memory at a time. */
  readonly depth: number;
  /** Of C, the matrices of a subgroup: rows of them, and columns. */
  readonly rows: number;
  readonly columns: number;
  /** Whether the next part of the inner size is fetched to registers while this one is computed with. */
  readonly isAhead: boolean;
  /** Whether workgroup memory has room for two parts, so that one is written while the other is read. */
  readonly isDouble: boolean;
  /** Whether workgroup memory is vectors of eight halves, in the place of four: for factors that were rounded before. */
  readonly isPacked: boolean;
  /** Rows of tiles that workgroups go through together, column by column: neighbors find each other's operands in the cache. */
  readonly band: number;
}

const plain = { tileM: 128, tileN: 128, depth: 64, rows: 2, columns: 4, isAhead: true, isDouble: false, isPacked: false, band: 1 };
const packed = { ...plain, isPacked: true };

/** Shapes by name, of which `gpuChoices` takes one where factors were rounded before and one that is not packed where they are rounded on the way. */
export const MATRIX_SHAPES = {
  plain,
  banded: { ...plain, band: 8 },
  packed,
  packedBanded: { ...packed, band: 8 },
  packedWaiting: { ...packed, isAhead: false },
  packedDouble: { ...packed, depth: 32, isDouble: true },
} as const satisfies Record<string, MatrixShape>;

export type ShapeName = keyof typeof MATRIX_SHAPES;

export const subgroupsOf = ({ tileM, tileN, rows, columns }: MatrixShape): number => (tileM * tileN) / (rows * columns * UNIT * UNIT);

/** Bytes of workgroup memory: lines of both operands as in memory, whichever way takes more, and the values of one matrix of each subgroup. */
export function bytesOf(shape: MatrixShape): number {
  const { tileM, tileN, depth, isDouble } = shape;
  const halves = [tileM, tileN].reduce((sum, side) => sum + Math.max(side * (depth + PADDING), depth * (side + PADDING)), 0);
  return 2 * halves * (isDouble ? 2 : 1) + subgroupsOf(shape) * UNIT * UNIT * 4;
}
