import { SsmError } from '@densessm/ssm-core';
import type { MatMulAttrs } from '../kernel';

/** The sizes of a product, and of how many of them. */
export interface ProductSizes {
  readonly M: number;
  readonly N: number;
  readonly K: number;
  readonly batch: number;
}

/** From `first` on, `size` of a side or of the inner size. */
interface Span {
  readonly first: number;
  readonly size: number;
}

/** A part of a product of which every operand can be bound. */
export interface Block {
  readonly m: Span;
  readonly n: Span;
  readonly k: Span;
}

/** Where bindings may begin: 256 bytes. */
const STEP = 64;

/** Values from the first to the last of some rows and columns of a matrix with rows of `stride`. */
export const extent = (rows: Span, columns: Span, stride: number) => ({
  first: rows.first * stride + columns.first,
  count: (rows.size - 1) * stride + columns.size,
});

/** Where the operands of a block lie in theirs, and how long the rows of those are. */
export function placesOf({ m, n, k }: Block, { M, N, K }: ProductSizes, { transposeA, transposeB }: MatMulAttrs) {
  const [strideA, strideB] = [transposeA ? M : K, transposeB ? K : N];
  return {
    a: transposeA ? extent(k, m, strideA) : extent(m, k, strideA),
    b: transposeB ? extent(n, k, strideB) : extent(k, n, strideB),
    c: extent(m, n, N),
    strides: { strideA, strideB, strideC: N },
  };
}

/**
 * The blocks of a product of single matrices, of which no operand takes more than `most` values to bind: its rows are halved until it does not. Blocks of one
 * place of C come one after the other, in the order of the inner size.
 * @throws SsmError BACKEND where not even 64 rows can be bound
 */
export function blocksOf(sizes: ProductSizes, attrs: MatMulAttrs, most: number): Block[] {
  const { M, N, K } = sizes;
  const size = { m: M, n: N, k: K };
  const halve = (side: 'm' | 'n' | 'k'): void => {
    const half = STEP * Math.ceil(size[side] / 2 / STEP);
    if (half >= size[side]) throw tooWide(sizes, most);
    size[side] = half;
  };
  for (;;) {
    const block = { m: { first: 0, size: size.m }, n: { first: 0, size: size.n }, k: { first: 0, size: size.k } };
    const { a, b, c } = placesOf(block, sizes, attrs);
    if (a.count > most) halve(attrs.transposeA ? 'k' : 'm');
    else if (b.count > most) halve(attrs.transposeB ? 'n' : 'k');
    else if (c.count > most) halve('m');
    else break;
  }
  const spans = (whole: number, part: number): Span[] =>
    Array.from({ length: Math.ceil(whole / part) }, (_, i) => ({ first: i * part, size: Math.min(part, whole - i * part) }));
  return spans(M, size.m).flatMap((m) => spans(N, size.n).flatMap((n) => spans(K, size.k).map((k) => ({ m, n, k }))));
}

const tooWide = ({ M, N, K }: ProductSizes, most: number): SsmError =>
  new SsmError({
    code: 'BACKEND',
    what: 'matMul: this device cannot bind 64 rows of a matrix at a time.',
    expected: `at most ${most} values, ${(4 * most) / 2 ** 20} MiB`,
    got: `a product of ${M} × ${K} × ${N}`,
    fix: "take a smaller model, or device 'wasm'",
  });
