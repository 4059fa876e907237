import type { ConvolutionStep, ProductStep, RmsNormStep, SelectiveStep, SiluStep } from '../../../decode/recorded-steps';
import type { GpuMatrix } from '../packed/packed-matrix';
import { offsetOf } from './arena';
import { type Around, canConvolve, canShow, productDispatches } from './products';
import { type RowStep, rowDispatches } from './rows';
import { canProject, convolutionDispatch, selectiveDispatch } from './scans';
import type { StepDispatch } from './step';
import { rmsNormDispatch, siluDispatch } from './values';

interface WaitingProduct {
  readonly matrix: GpuMatrix;
  readonly step: ProductStep;
  around: Around;
}

/** The dispatches of a token while they are recorded: what is short waits for a step that can do it on its way, since each dispatch costs some 3 µs. */
export class Recording {
  readonly #batch: number;
  readonly #dispatches: StepDispatch[] = [];
  /** A norm that the products behind it may do, those products, which may do what comes behind them, and steps on rows, which may be one. */
  #norm: RmsNormStep | undefined;
  #products: WaitingProduct[] = [];
  #rows: RowStep[] = [];

  constructor(batch: number) {
    this.#batch = batch;
  }

  /** All of them; more may follow. */
  dispatches(): readonly StepDispatch[] {
    this.#settle();
    return this.#dispatches;
  }

  /** Behind all that came before. */
  add(...dispatches: readonly StepDispatch[]): void {
    this.#settle();
    this.#dispatches.push(...dispatches);
  }

  products(steps: readonly Pick<WaitingProduct, 'matrix' | 'step'>[]): void {
    const reads = ({ step }: Pick<WaitingProduct, 'step'>): boolean =>
      this.#norm !== undefined && offsetOf(step.x) === offsetOf(this.#norm.y);
    const norm = steps.some(reads) ? this.#norm : undefined;
    const waiting = steps.map((one) => ({ ...one, around: norm && reads(one) ? { norm } : {} }));
    if (norm) this.#norm = undefined;
    this.#settle();
    this.#products = waiting;
  }

  rmsNorm(step: RmsNormStep): void {
    const { isForProducts, gate, groupSize = step.width } = step;
    const isOfRow = !gate && groupSize === step.width;
    if (isOfRow && !isForProducts) {
      this.rows({ kind: 'norm', step });
      return;
    }
    this.#settle();
    if (isOfRow) this.#norm = step;
    else this.add(rmsNormDispatch(step, this.#batch));
  }

  convolution(step: ConvolutionStep): void {
    const product = this.#products.find(({ matrix, step: own, around }) => !hasMore(around) && canConvolve(matrix, own, step));
    if (product) product.around = { ...product.around, convolution: step };
    else this.add(convolutionDispatch(step, this.#batch));
  }

  silu(step: SiluStep): void {
    const product = this.#products.find(({ matrix, step: own, around }) => !hasMore(around) && canShow(matrix, own, step));
    if (product) product.around = { ...product.around, silu: step };
    else this.add(siluDispatch(step, this.#batch));
  }

  selective(step: SelectiveStep): void {
    const [product, more] = this.#products;
    const delta =
      product && !more && !product.around.norm && !hasMore(product.around) && canProject(product.matrix, product.step, step)
        ? product
        : undefined;
    if (delta) this.#products = [];
    this.add(selectiveDispatch(step, this.#batch, delta));
  }

  rows(step: RowStep): void {
    if (this.#norm || this.#products.length > 0) this.#settle();
    this.#rows.push(step);
  }

  #settle(): void {
    if (this.#norm) this.#dispatches.push(rmsNormDispatch(this.#norm, this.#batch));
    this.#norm = undefined;
    for (const { matrix, step, around } of this.#products.splice(0))
      this.#dispatches.push(...productDispatches(matrix, this.#batch, step, around));
    this.#dispatches.push(...rowDispatches(this.#rows.splice(0), this.#batch));
  }
}

/** Whether a product does something beside a norm already. */
const hasMore = ({ convolution, silu }: Around): boolean => convolution !== undefined || silu !== undefined;
