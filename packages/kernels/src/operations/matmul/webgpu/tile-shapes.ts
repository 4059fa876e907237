/** How a product is cut: a workgroup's part of C, an invocation's part of that, and what of the inner size lies in workgroup memory at a time. */
export interface Shape {
  readonly m: number;
  readonly n: number;
  /** Of an invocation, in blocks of four each. */
  readonly rows: number;
  readonly columns: number;
  readonly depth: number;
  /** Whether the loop over a part of the inner size is written out. */
  readonly unrolled: boolean;
}

const large = { m: 128, n: 128, rows: 8, columns: 8, unrolled: true } as const;
const small = { rows: 8, columns: 8, depth: 16, unrolled: false } as const;
/** Of products with fewer tiles. The least is for products that are no larger: its shader is short. */
export const MIDDLE_SHAPE: Shape = { ...small, m: 64, n: 64 };
export const LEAST_SHAPE: Shape = { ...small, m: 32, n: 32, rows: 4, columns: 4 };
/** Of large products: the first one that a device has the memory for. */
export const LARGE_SHAPES: readonly Shape[] = [{ ...large, depth: 32 }, { ...large, depth: 16 }, MIDDLE_SHAPE];

/** Invocations of a workgroup. */
export const threadsOf = ({ m, n, rows, columns }: Shape): number => (m / rows) * (n / columns);

/** Bytes of workgroup memory, at most. */
export const bytesOf = ({ m, n, depth }: Shape): number => 4 * (depth + 4) * (m + n);
