import { backend } from '@tensorflow/tfjs-core';
import type { DecodeProgram } from './program';

/** An empty program for `batch` texts; `where` names the decoder in errors. @throws SsmError BACKEND without room */
export type MakeDecodeProgram = (options: Pick<DecodeProgram, 'where' | 'batch'>) => DecodeProgram;

/** Of each backend of tfjs that runs programs, by itself: gone with it. */
const makers = new WeakMap<object, MakeDecodeProgram>();

/** Says how programs are made on a backend of tfjs. What starts the backend's kernels calls this; a later call replaces an earlier one. */
export function provideDecodePrograms(tfjsBackend: object, make: MakeDecodeProgram): void {
  makers.set(tfjsBackend, make);
}

/** How programs are made on the backend in use; undefined where it runs none. */
export const decodeProgramsHere = (): MakeDecodeProgram | undefined => makers.get(backend());
