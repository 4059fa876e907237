import type { PackedMatrix } from '@densessm/ssm-core';
import type { StepRecorder } from '../../../decode/program';
import type {
  ConvolutionStep,
  DecayStep,
  DenseSumStep,
  GatedUnitStep,
  GatherStep,
  ProductStep,
  RmsNormStep,
  RotateStep,
  ScaleStep,
  SelectiveStep,
  SiluStep,
  TimeStepsStep,
} from '../../../decode/recorded-steps';
import type { GpuMatrix } from '../packed/packed-matrix';
import { offsetOf } from './arena';
import { type Around, canConvolve, canShow, gatherDispatches, type Product, productDispatches } from './products';
import { type RowStep, rowDispatches } from './rows';
import { canProject, convolutionDispatch, decayDispatch, selectiveDispatch } from './scans';
import type { StepDispatch } from './step';
import { gatedUnitDispatch, rmsNormDispatch, scaleDispatch, siluDispatch, timeStepsDispatch } from './values';

/** What the steps of a program have in common, whatever the number of rows. */
export interface ProgramRoom {
  /** Where the tokens that are read lie, in floats. */
  readonly ids: number;
  /** Buffers that a dispatch may bind beside the arena. */
  readonly mostBuffers: number;
  /** @throws SsmError WEIGHTS where it is another backend's */
  ownMatrix(matrix: PackedMatrix): GpuMatrix;
}

type WaitingProduct = Product & { around: Around };

/**
 * The dispatches of a program for the first `rows` rows of its buffers. A short step is not dispatched at once: a later step that can compute it too takes it over,
 * since each dispatch costs some 3 µs.
 */
export class GpuSteps implements StepRecorder {
  readonly #room: ProgramRoom;
  readonly #count: number;
  readonly #dispatches: StepDispatch[] = [];
  /** A norm that the products behind it may do, those products, which may do what comes behind them, and steps on rows, which may be one. */
  #norm: RmsNormStep | undefined;
  #products: WaitingProduct[] = [];
  #rows: RowStep[] = [];

  constructor(room: ProgramRoom, rows: number) {
    this.#room = room;
    this.#count = rows;
  }

  /** All of them, once the program is recorded. */
  get dispatches(): readonly StepDispatch[] {
    this.#settle();
    return this.#dispatches;
  }

  gather({ matrix, y }: GatherStep): void {
    this.#add(...gatherDispatches(this.#room.ownMatrix(matrix), this.#count, this.#room.ids, { y }));
  }

  /** Which are the same for any number of rows: the program writes them. */
  setUniforms(): void {}

  scale(step: ScaleStep): void {
    this.#add(scaleDispatch(step, this.#count));
  }

  products(steps: readonly ProductStep[]): void {
    const reads = ({ x }: ProductStep): boolean => this.#norm !== undefined && offsetOf(x) === offsetOf(this.#norm.y);
    const norm = steps.some(reads) ? this.#norm : undefined;
    const waiting = steps.map((step) => ({
      matrix: this.#room.ownMatrix(step.matrix),
      step,
      around: norm && reads(step) ? { norm } : {},
    }));
    if (norm) this.#norm = undefined;
    this.#settle();
    this.#products = waiting;
  }

  rmsNorm(step: RmsNormStep): void {
    const { isForProducts, gate, groupSize = step.width } = step;
    const isOfRow = !gate && groupSize === step.width;
    if (isOfRow && !isForProducts) {
      this.#onRows({ kind: 'norm', step });
      return;
    }
    this.#settle();
    if (isOfRow) this.#norm = step;
    else this.#add(rmsNormDispatch(step, this.#count));
  }

  convolution(step: ConvolutionStep): void {
    const product = this.#products.find(({ matrix, step: own, around }) => !hasMore(around) && canConvolve(matrix, own, step));
    if (product) product.around = { ...product.around, convolution: step };
    else this.#add(convolutionDispatch(step, this.#count));
  }

  selective(step: SelectiveStep): void {
    const found = (to: 'delta' | 'gate') => this.#products.find((product) => canProject(product, to, step));
    const [delta, gate] = [found('delta'), found('gate')];
    this.#products = this.#products.filter((product) => product !== delta && product !== gate);
    this.#add(selectiveDispatch(step, this.#count, { ...(delta && { delta }), ...(gate && { gate }) }));
  }

  decay(step: DecayStep): void {
    this.#add(decayDispatch(step, this.#count));
  }

  silu(step: SiluStep): void {
    const product = this.#products.find(({ matrix, step: own, around }) => !hasMore(around) && canShow(matrix, own, step));
    if (product) product.around = { ...product.around, silu: step };
    else this.#add(siluDispatch(step, this.#count));
  }

  denseSum(step: DenseSumStep): void {
    this.#onRows({ kind: 'sum', step });
  }

  rotate(step: RotateStep): void {
    this.#onRows({ kind: 'rotate', step });
  }

  gatedUnit(step: GatedUnitStep): void {
    this.#add(gatedUnitDispatch(step, this.#count));
  }

  timeSteps(step: TimeStepsStep): void {
    this.#add(timeStepsDispatch(step, this.#count));
  }

  /** Behind all that came before. */
  #add(...dispatches: readonly StepDispatch[]): void {
    this.#settle();
    this.#dispatches.push(...dispatches);
  }

  #onRows(step: RowStep): void {
    if (this.#norm || this.#products.length > 0) this.#settle();
    this.#rows.push(step);
  }

  #settle(): void {
    if (this.#norm) this.#dispatches.push(rmsNormDispatch(this.#norm, this.#count));
    this.#norm = undefined;
    this.#dispatches.push(...productDispatches(this.#products.splice(0), this.#count, this.#room.mostBuffers));
    this.#dispatches.push(...rowDispatches(this.#rows.splice(0), this.#count));
  }
}

/** Whether a product does something beside a norm already. */
const hasMore = ({ convolution, silu }: Around): boolean => convolution !== undefined || silu !== undefined;
