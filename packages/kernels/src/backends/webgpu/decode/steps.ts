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
import { gatherDispatches } from './products';
import { Recording } from './recording';
import { decayDispatch } from './scans';
import type { StepDispatch } from './step';
import { gatedUnitDispatch, scaleDispatch, timeStepsDispatch } from './values';

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
  readonly #recording: Recording;

  constructor(room: ProgramRoom, rows: number) {
    this.#room = room;
    this.#rows = rows;
    this.#recording = new Recording(rows);
  }

  /** All of them, once the program is recorded. */
  dispatches(): readonly StepDispatch[] {
    return this.#recording.dispatches();
  }

  gather({ matrix, y }: GatherStep): void {
    this.#recording.add(...gatherDispatches(this.#room.ownMatrix(matrix), this.#rows, this.#room.ids, { y }));
  }

  /** Which are the same for any number of rows: the program writes them. */
  setUniforms(): void {}

  scale(step: ScaleStep): void {
    this.#recording.add(scaleDispatch(step, this.#rows));
  }

  products(steps: readonly ProductStep[]): void {
    this.#recording.products(steps.map((step) => ({ step, matrix: this.#room.ownMatrix(step.matrix) })));
  }

  rmsNorm(step: RmsNormStep): void {
    this.#recording.rmsNorm(step);
  }

  convolution(step: ConvolutionStep): void {
    this.#recording.convolution(step);
  }

  selective(step: SelectiveStep): void {
    this.#recording.selective(step);
  }

  decay(step: DecayStep): void {
    this.#recording.add(decayDispatch(step, this.#rows));
  }

  silu(step: SiluStep): void {
    this.#recording.silu(step);
  }

  denseSum(step: DenseSumStep): void {
    this.#recording.rows({ kind: 'sum', step });
  }

  rotate(step: RotateStep): void {
    this.#recording.rows({ kind: 'rotate', step });
  }

  gatedUnit(step: GatedUnitStep): void {
    this.#recording.add(gatedUnitDispatch(step, this.#rows));
  }

  timeSteps(step: TimeStepsStep): void {
    this.#recording.add(timeStepsDispatch(step, this.#rows));
  }
}
