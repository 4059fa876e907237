/** How a product is cut: a workgroup's part of C, an invocation's part of that, and what of the inner size lies in workgroup memory at a time. */
export interface Shape {
  readonly m: number;
  readonly n: number;
  /** Of an invocation, in blocks of four each. */
  readonly rows: number;
  readonly columns: number;
  readonly depth: number;
  /** Parts of the inner size in workgroup memory: with two, one is written while the other is computed with, and there is one barrier a part. */
  readonly buffers: 1 | 2;
  /** Whether 32 invocations take a part of 4 × 8 blocks, neighbors the same column or row: they then read workgroup memory less often than a row of 16. */
  readonly woven: boolean;
  /** Whether the loop over a part of the inner size is written out. */
  readonly unrolled: boolean;
}

const square = { m: 128, n: 128, rows: 8, columns: 8, depth: 16, buffers: 1, woven: false, unrolled: true } as const;

/** Of large products, by the name that `gpuChoices.tileShape` has. */
export const LARGE_SHAPES = {
  square,
  woven: { ...square, woven: true },
  twice: { ...square, woven: true, buffers: 2 },
  shallow: { ...square, woven: true, buffers: 2, depth: 8 },
  narrow: { ...square, woven: true, n: 64 },
  tall: { ...square, woven: true, m: 256, rows: 16, buffers: 2, depth: 8 },
} as const satisfies Record<string, Shape>;

const small = { rows: 8, columns: 8, depth: 16, buffers: 1, woven: false, unrolled: false } as const;
/** Of products with fewer tiles. The least is for products that are no larger: its shader is short. */
export const MIDDLE_SHAPE: Shape = { ...small, m: 64, n: 64 };
export const LEAST_SHAPE: Shape = { ...small, m: 32, n: 32, rows: 4, columns: 4 };

/** Invocations of a workgroup. */
export const threadsOf = ({ m, n, rows, columns }: Shape): number => (m / rows) * (n / columns);

/** Bytes of workgroup memory. */
export const bytesOf = ({ m, n, depth, buffers }: Shape): number => 4 * buffers * depth * (m + n);
