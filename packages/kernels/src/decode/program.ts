import type { TokenChooser } from '@densessm/ssm-core';
import type { Tensor } from '@tensorflow/tfjs-core';
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
  UniformsStep,
} from './recorded-steps';
import type { Slot } from './slot';

/** A tensor of a state and the buffer in which the program carries it. */
export interface StateBuffer {
  readonly slot: Slot;
  /** The rows are its first axis. */
  readonly shape: readonly number[];
}

/** The shape of `rows` rows of a buffer, and how many values a row has. */
export const rowsOf = ({ shape }: StateBuffer, rows: number): number[] => [rows, ...shape.slice(1)];
export const valuesOfRow = ({ shape }: StateBuffer): number => shape.slice(1).reduce((product, one) => product * one, 1);

/** Takes the steps that a token passes, in order. A step reads what the steps before it wrote. */
export interface StepRecorder {
  gather(step: GatherStep): void;
  setUniforms(step: UniformsStep): void;
  scale(step: ScaleStep): void;
  /** Products that do not depend on each other: they may run as one. */
  products(steps: readonly ProductStep[]): void;
  rmsNorm(step: RmsNormStep): void;
  convolution(step: ConvolutionStep): void;
  selective(step: SelectiveStep): void;
  decay(step: DecayStep): void;
  silu(step: SiluStep): void;
  denseSum(step: DenseSumStep): void;
  rotate(step: RotateStep): void;
  gatedUnit(step: GatedUnitStep): void;
  timeSteps(step: TimeStepsStep): void;
}

/**
 * What reads one token of each of `batch` texts, on one backend: fixed float32 buffers, and a list of steps between them that is recorded once, in
 * order, and run whole for every token, for all rows or the first of them. Recording ends with the first {@link submit}.
 *
 * On wasm a step is a call of our WebAssembly; on a GPU it is a dispatch with a fixed bind group, and nothing is waited for before {@link read}. So
 * nothing in between runs on the host, no step depends on a value that the host has to look at, and sizes are all known while recording. Sizes are trusted:
 * models check what they are given. Matrices are packed for the same backend and stay their owner's. Owns memory: dispose of it.
 */
export interface DecodeProgram extends StepRecorder {
  /** Names the decoder in errors. */
  readonly where: string;
  /** Texts that are read side by side. */
  readonly batch: number;

  /** A buffer of zeros that steps may write. @throws SsmError BACKEND without room */
  zeros(floats: number): Slot;
  /** A buffer that no step writes. @throws SsmError BACKEND without room */
  constant(values: Float32Array): Slot;
  /** The same with a copy of a tensor, which stays the caller's. @throws SsmError BACKEND without room */
  constantOf(tensor: Tensor): Promise<Slot>;

  /**
   * Runs all steps for one more token of each text, `ids` [batch], which {@link gather} reads; they were checked by the caller and are copied. With fewer
   * ids the first rows are read, and what slots hold of the rows behind them is lost. Returns before the steps have run where the backend runs them by itself; what was submitted runs in that order.
   * @throws SsmError STATE where the program or a matrix was disposed of, or another backend is in use
   */
  submit(ids: ArrayLike<number>): void;
  /**
   * Fills `into` with what lies at a slot after all that was submitted so far, and gives it back. Does not wait longer than it must: on wasm the promise is resolved
   * already. @throws SsmError STATE where the program was disposed of meanwhile, BACKEND where the device was lost or a step failed
   */
  read(from: Slot, into: Float32Array): Promise<Float32Array>;
  /**
   * Once all is recorded, what chooses tokens by the logits [batch, vocab] that the steps leave at a slot, and reads them, without the host. Missing where the
   * host chooses; undefined where the device cannot bind as much.
   */
  chooserOf?(logits: Slot, vocabSize: number): TokenChooser | undefined;
  /**
   * Copies tensors into buffers, all of them or, where one cannot be read, none; in order with what is submitted. They hold the rows from `first` on,
   * which is 0 unless given. @throws SsmError STATE as {@link read}
   */
  load(buffers: readonly StateBuffer[], tensors: readonly Tensor[], first?: number): Promise<void>;
  /** A tensor with a copy of a buffer, or of one row of it, after all that was submitted so far, on the backend of the program; the caller's. @throws SsmError STATE */
  tensorOf(buffer: StateBuffer, row?: number): Tensor;
  /** Copies one row of buffers over another, in order with what is submitted. @throws SsmError STATE */
  copyRow(buffers: readonly StateBuffer[], from: number, to: number): void;
  /** Frees all buffers; a second time does nothing. */
  dispose(): void;
}

/** An empty program for `batch` texts; `where` names the decoder in errors. @throws SsmError BACKEND without room */
export type MakeDecodeProgram = (options: Pick<DecodeProgram, 'where' | 'batch'>) => DecodeProgram;
