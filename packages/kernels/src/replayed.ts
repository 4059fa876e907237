import type { Tensor } from '@tensorflow/tfjs-core';
import { runtimeOf } from './backend-runtime';
import type { Recording } from './recording';

/** Whose memory outputs are in: their own, or that of a recording, in which they are valid until the next call. */
interface ReplayOptions {
  copies: boolean;
}

/** Calls that are not replayed: the first compiles, the others are recorded. */
export const CALLS_BEFORE_REPLAY = 3;

/**
 * Calls of one function of tensors of the same shapes. A device whose commands can be recorded gets those of the third call again for each that follows, with
 * other values: same bits, and the host runs no operation. The first compiles; the second and the third are compared, and where they differ by more than the
 * values of the inputs nothing is replayed. Owns memory: dispose of it.
 */
export class Replayed {
  #calls: number;
  /** Of the call before: its outputs may be in use until the next. */
  #trial: Recording | undefined;
  #recording: Recording | undefined;
  #isUneven = false;

  /** After as many calls that were made by others: the first compiles. */
  constructor(calls = 0) {
    this.#calls = calls;
  }

  /** Whether what it reads beside the inputs has gone: it must not be called again. */
  get isStale(): boolean {
    return this.#recording?.isStale === true;
  }

  /** Of the memory that it keeps. */
  get bytes(): number {
    return this.#recording?.bytes ?? 0;
  }

  /** `run` on the inputs, or what it did again. @throws SsmError BACKEND or LOST, or what `run` throws */
  call(inputs: readonly Tensor[], run: (inputs: readonly Tensor[]) => Tensor[], { copies }: ReplayOptions): Tensor[] {
    if (this.#recording?.replay(inputs)) return outputsOf(this.#recording, copies);
    if (this.#recording) return this.#afterLoss(inputs, run);
    const recorder = runtimeOf()?.recorder;
    this.#trial?.dispose(); // its outputs were used, and the next one takes as much memory
    if (this.#calls++ === 0 || this.#isUneven || !recorder) return run(inputs);
    const recording = recorder.record(inputs, run);
    const isKept = this.#trial !== undefined && recording.equals(this.#trial);
    this.#isUneven = this.#trial !== undefined && !isKept;
    if (isKept) this.#recording = recording;
    this.#trial = isKept ? undefined : recording;
    const outputs = outputsOf(recording, copies);
    if (!isKept && copies) recording.dispose();
    return outputs;
  }

  /** What was recorded cannot be done again: from here on as from the first call. */
  #afterLoss(inputs: readonly Tensor[], run: (inputs: readonly Tensor[]) => Tensor[]): Tensor[] {
    this.#recording?.dispose();
    this.#recording = undefined;
    this.#calls = 1;
    return run(inputs);
  }

  /** Hears when what was recorded became stale. */
  set onStale(hear: () => void) {
    if (this.#recording) this.#recording.onStale = hear;
  }

  dispose(): void {
    this.#trial?.dispose();
    this.#recording?.dispose();
  }
}

const outputsOf = (recording: Recording, copies: boolean): Tensor[] => (copies ? recording.copies() : recording.outputs());
