import type { Tensor } from '@tensorflow/tfjs-core';

/**
 * The commands of a function of tensors, which do the same again with other values and without the function. Its tensors keep their memory until it is
 * disposed of.
 */
export interface Recording {
  /** Whether memory that the commands read from outside has gone to others meanwhile, or there was no room for its own. It must not be replayed then. */
  readonly isStale: boolean;
  /** Hears when it becomes stale. */
  onStale: () => void;
  /** Commands of the device, copies of the inputs not counted. */
  readonly count: number;
  /** Of the memory that it keeps. */
  readonly bytes: number;
  /** Whether another call of the function did the same with other values of its inputs: the same commands, numbers and constants. Also after it was disposed of. */
  equals(other: Recording): boolean;
  /**
   * Does the same with inputs of the same shapes; false where it is stale, or becomes so by what waited to be handed over: then nothing was done.
   * @throws SsmError BACKEND or LOST
   */
  replay(inputs: readonly Tensor[]): boolean;
  /** The outputs. They lie where those of every replay do: they are valid until the next, and disposing of them frees nothing. */
  outputs(): Tensor[];
  /** The outputs in memory of their own. */
  copies(): Tensor[];
  dispose(): void;
}

/** Records on a device. */
export interface Recorder {
  /** Runs a function on copies of the inputs and records what it does. It must wait for nothing, and read no values. */
  record(inputs: readonly Tensor[], run: (inputs: readonly Tensor[]) => Tensor[]): Recording;
}
