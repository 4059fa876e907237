import { SsmError } from '@densessm/ssm-core';
import { type BackendStarter, type Choice, choose, type Device } from './choose';

/** Beyond that there are more threads than blocks in most kernels. */
const MOST_THREADS = 64;

export interface StartOptions<Name extends string = string> {
  device?: Device<Name>;
  /** Threads of the wasm backend; as many as there are cores, at most 16, where this is left out. */
  threads?: number;
}

/**
 * Starts one of a runtime's backends with our fast kernels, makes it the current one, and says which it is and why. The tfjs backends and gradients
 * must have been imported. 'auto' takes the first of the list that can be started; a named device that cannot start is an error.
 * @throws SsmError BACKEND, or OPTION for an unknown device or number of threads
 */
export async function startBackend<Name extends string>(
  backends: readonly BackendStarter<Name>[],
  { device = 'auto', threads }: StartOptions<Name> = {},
): Promise<Choice<Name>> {
  checkThreads(threads);
  return choose(backends, device, threads);
}

function checkThreads(threads: number | undefined): void {
  if (threads === undefined || (Number.isInteger(threads) && threads >= 1 && threads <= MOST_THREADS)) return;
  throw new SsmError({
    code: 'OPTION',
    what: 'startBackend: `threads` is not a number of threads.',
    expected: `an integer from 1 to ${MOST_THREADS}`,
    got: String(threads),
    fix: 'leave it out to use all cores',
  });
}
