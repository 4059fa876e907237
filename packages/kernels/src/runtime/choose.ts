import { SsmError } from '@densessm/ssm-core';

/** What is asked of a backend that is to start. */
export interface StartRequest {
  readonly threads?: number;
  /** Whether the user named this backend: then it starts as asked or fails. Under 'auto' it may do with less. */
  readonly isNamed: boolean;
}

/** A backend that a runtime can start. */
export interface BackendStarter<Name extends string = string> {
  readonly name: Name;
  /** Whether it can be had here, and under 'auto' whether it should be: true, or the reason why not. */
  readonly probe: (request: StartRequest) => Promise<true | string>;
  /** Starts it, makes it the current backend, and returns what there is to say about it. */
  readonly start: (request: StartRequest) => Promise<string>;
}

/** The name of a backend, or 'auto' for the first of the list that works. */
export type Device<Name extends string = string> = 'auto' | Name;

export interface Choice<Name extends string = string> {
  backend: Name;
  /** One line for a log: what was chosen and why, and what failed before. */
  reason: string;
}

/** What a user may ask for, given the backends of a runtime. */
export const devicesOf = <Name extends string>(backends: readonly BackendStarter<Name>[]): readonly Device<Name>[] => [
  'auto',
  ...backends.map(({ name }) => name),
];

/**
 * Starts the named backend, or under 'auto' the first of the list that can be started: the preferred one stands first. Errors of a named
 * backend are passed on.
 * @throws SsmError BACKEND where none works, OPTION for an unknown device
 */
export async function choose<Name extends string>(
  backends: readonly BackendStarter<Name>[],
  device: Device<Name>,
  threads?: number,
): Promise<Choice<Name>> {
  const isNamed = device !== 'auto';
  const candidates = isNamed ? backends.filter(({ name }) => name === device) : backends;
  if (candidates.length === 0) throw unknownDevice(device, devicesOf(backends));
  const failures: string[] = [];
  for (const { name, probe, start } of candidates) {
    try {
      const answer = await probe({ threads, isNamed });
      if (answer !== true) throw new Error(answer);
      const about = await start({ threads, isNamed });
      const why = isNamed ? ['as asked'] : ['chosen by auto', ...failures];
      return { backend: name, reason: `${name}: ${about} (${why.join('; ')})` };
    } catch (cause) {
      if (isNamed) throw cause instanceof SsmError ? cause : cannotStart(device, message(cause), cause);
      failures.push(`${name} failed: ${message(cause)}`);
    }
  }
  throw noneStarts(backends, failures);
}

/** The first line of an error. */
const message = (cause: unknown): string => String(cause instanceof Error ? cause.message : cause).split('\n', 1)[0] ?? '';

const cannotStart = (device: string, got: string, cause: unknown): SsmError =>
  new SsmError(
    {
      code: 'BACKEND',
      what: `startBackend: device '${device}' could not be started.`,
      expected: `a working ${device} backend`,
      got,
      fix: "use device 'auto' to fall back to another one",
    },
    { cause },
  );

const noneStarts = (backends: readonly BackendStarter[], failures: readonly string[]): SsmError =>
  new SsmError({
    code: 'BACKEND',
    what: 'startBackend: no device could be started.',
    expected: backends.map(({ name }) => name).join(' or '),
    got: failures.join('; '),
    fix: 'reinstall the tfjs packages beside this one',
  });

const unknownDevice = (device: unknown, devices: readonly string[]): SsmError =>
  new SsmError({
    code: 'OPTION',
    what: 'startBackend: unknown device.',
    expected: devices.map((name) => `'${name}'`).join(' or '),
    got: String(device),
    fix: "leave it out, or say 'auto'",
  });
