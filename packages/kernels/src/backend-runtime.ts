import { backend as currentBackend } from '@tensorflow/tfjs-core';
import type { MakeDecodeProgram } from './decode/program';
import type { EmptyMatrix } from './packed/empty-matrix';
import type { Recorder } from './recording';

/** What a backend with our kernels offers beside fast versions of operations. */
export interface BackendRuntime {
  /** Packed weights that run on this backend. */
  readonly emptyMatrix: EmptyMatrix;
  /** What decoders record; undefined where the backend has no decode programs. */
  readonly decodeProgram?: MakeDecodeProgram;
  /** Records functions of tensors; undefined where a call costs the host little. */
  readonly recorder?: Recorder;
  /** The most values of a tensor that every operation takes, also for a single text; undefined where there is no such limit. */
  readonly mostValues?: number;
}

const runtimes = new WeakMap<object, BackendRuntime>();

/** Where our kernels run on one of tfjs's backends, the one in use unless given; undefined where none were registered for it. */
export const runtimeOf = (backend: object = currentBackend()): BackendRuntime | undefined => runtimes.get(backend);

/** Called once for a backend, when our kernels are registered for it. */
export function addRuntime(backend: object, runtime: BackendRuntime): void {
  runtimes.set(backend, runtime);
}
