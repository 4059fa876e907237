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
import { type Around, canConvolve, gatherDispatches, productDispatches } from './products';
import { convolutionDispatch, decayDispatch, selectiveDispatch } from './scans';
import type { StepDispatch } from './step';
import {
  denseSumDispatch,
  gatedUnitDispatch,
  rmsNormDispatch,
  rotateDispatch,
  scaleDispatch,
  siluDispatch,
  timeStepsDispatch,
} from './values';

/** What the steps of a program have in common, whatever the number of rows. */
export interface ProgramRoom {
  /** Where the tokens that are read lie, in floats. */
  readonly ids: number;
  /** @throws SsmError WEIGHTS where it is another backend's */
  ownMatrix(matrix: PackedMatrix): GpuMatrix;
}

/** The dispatches of a program for the first rows of its buffers, so many. */
export class GpuSteps implements StepRecorder {
  readonly #room: ProgramRoom;
  readonly #rows: number;
  readonly #steps: StepDispatch[] = [];
  /** A norm that the products behind it may do, and those products, which may do a convolution: they become dispatches with the next other step. */
  #norm: RmsNormStep | undefined;
  #products: { readonly matrix: GpuMatrix; readonly step: ProductStep; around: Around }[] = [];

  constructor(room: ProgramRoom, rows: number) {
    this.#room = room;
    this.#rows = rows;
  }

  /** All of them, once the program is recorded. */
  get dispatches(): readonly StepDispatch[] {
    this.#settle();
    return this.#steps;
  }

  gather({ matrix, y }: GatherStep): void {
    this.#add(...gatherDispatches(this.#room.ownMatrix(matrix), this.#rows, this.#room.ids, { y }));
  }

  /** Which are the same for any number of rows: the program writes them. */
  setUniforms(): void {}

  scale(step: ScaleStep): void {
    this.#add(scaleDispatch(step, this.#rows));
  }

  products(steps: readonly ProductStep[]): void {
    const isRead = steps.some(({ x }) => this.#norm !== undefined && offsetOf(x) === offsetOf(this.#norm.y));
    const norm = isRead ? this.#norm : undefined;
    if (isRead) this.#norm = undefined;
    this.#settle();
    this.#products = steps.map((step) => {
      const isNormed = norm !== undefined && offsetOf(step.x) === offsetOf(norm.y);
      return { matrix: this.#room.ownMatrix(step.matrix), step, around: isNormed ? { norm } : {} };
    });
  }

  rmsNorm(step: RmsNormStep): void {
    const { isForProducts, gate, groupSize = step.width } = step;
    const canWait = isForProducts && !gate && groupSize === step.width;
    this.#settle();
    if (canWait) this.#norm = step;
    else this.#add(rmsNormDispatch(step, this.#rows));
  }

  convolution(step: ConvolutionStep): void {
    const product = this.#products.find(({ matrix, step: own }) => canConvolve(matrix, own, step));
    if (product?.around.convolution === undefined && product) product.around = { ...product.around, convolution: step };
    else this.#add(convolutionDispatch(step, this.#rows));
  }

  /** A step behind all that come before it. */
  #add(...dispatches: readonly StepDispatch[]): void {
    this.#settle();
    this.#steps.push(...dispatches);
  }

  #settle(): void {
    if (this.#norm) this.#steps.push(rmsNormDispatch(this.#norm, this.#rows));
    this.#norm = undefined;
    for (const { matrix, step, around } of this.#products.splice(0))
      this.#steps.push(...productDispatches(matrix, this.#rows, step, around));
  }

  selective(step: SelectiveStep): void {
    this.#add(selectiveDispatch(step, this.#rows));
  }

  decay(step: DecayStep): void {
    this.#add(decayDispatch(step, this.#rows));
  }

  silu(step: SiluStep): void {
    this.#add(siluDispatch(step, this.#rows));
  }

  denseSum(step: DenseSumStep): void {
    this.#add(denseSumDispatch(step, this.#rows));
  }

  rotate(step: RotateStep): void {
    this.#add(rotateDispatch(step, this.#rows));
  }

  gatedUnit(step: GatedUnitStep): void {
    this.#add(gatedUnitDispatch(step, this.#rows));
  }

  timeSteps(step: TimeStepsStep): void {
    this.#add(timeStepsDispatch(step, this.#rows));
  }
}
