import type { Tensor } from '@tensorflow/tfjs-core';

/**
 * The commands of a function of tensors, which do the same again with other values and without the function. Its tensors keep their memory until it is
 * disposed of.
 */
export interface Recording {
  /** Whether memory that the commands read from outside has gone to others meanwhile. It must not be replayed then. */
  readonly isStale: boolean;
  /** Commands of the device, copies of the inputs not counted. */
  readonly count: number;
  /** Whether another call of the function did the same with other values of its inputs: the same commands, numbers and constants. */
  equals(other: Recording): boolean;
  /**
   * The outputs for inputs of the same shapes. They lie where those of every call do: they are valid until the next, and disposing of them frees nothing.
   * @throws SsmError BACKEND or LOST
   */
  replay(inputs: readonly Tensor[]): Tensor[];
  dispose(): void;
}

/** Records on a device. */
export interface Recorder {
  /**
   * Runs a function on copies of the inputs and records what it does. It must wait for nothing, and read no values. Its outputs are valid until the first
   * replay; disposing of them frees nothing.
   */
  record(inputs: readonly Tensor[], run: (inputs: readonly Tensor[]) => Tensor[]): [outputs: Tensor[], recording: Recording];
}
