import { SsmError } from '@densessm/ssm-core';

export type BackendName = 'wasm' | 'cpu';
export type Device = 'auto' | BackendName;

export interface Choice {
  backend: BackendName;
  /** One line for a log: what was chosen and why, and what failed before. */
  reason: string;
}

/** What 'auto' tries, the fastest first. */
const PREFERENCE: readonly BackendName[] = ['wasm', 'cpu'];

/**
 * Starts the first device that works of those that may be tried. A starter returns what there is to say about its backend. Of a named device its
 * own error is passed on.
 * @throws SsmError BACKEND where none works, OPTION for an unknown device
 */
export async function choose(device: Device, starters: { readonly [name in BackendName]: () => Promise<string> }): Promise<Choice> {
  if (device !== 'auto' && !PREFERENCE.includes(device)) throw unknownDevice(device);
  const failures: string[] = [];
  for (const backend of device === 'auto' ? PREFERENCE : [device]) {
    try {
      const about = await starters[backend]();
      const why = device === 'auto' ? ['chosen by auto', ...failures] : ['as asked'];
      return { backend, reason: `${backend}: ${about} (${why.join('; ')})` };
    } catch (cause) {
      if (device !== 'auto') throw cause instanceof SsmError ? cause : cannotStart(device, message(cause), cause);
      failures.push(`${backend} failed: ${message(cause)}`);
    }
  }
  throw cannotStart(device, failures.join('; '));
}

/** The first line of an error. */
const message = (cause: unknown): string => String(cause instanceof Error ? cause.message : cause).split('\n', 1)[0] ?? '';

const cannotStart = (device: Device, got: string, cause?: unknown): SsmError =>
  new SsmError(
    {
      code: 'BACKEND',
      what: `startBackend: ${device === 'auto' ? 'no device' : `device '${device}'`} could be started.`,
      expected: device === 'auto' ? PREFERENCE.join(' or ') : `a working ${device} backend`,
      got,
      fix: device === 'auto' ? 'reinstall the tfjs packages beside this one' : "use device 'auto' to fall back to another one",
    },
    { cause },
  );

const unknownDevice = (device: unknown): SsmError =>
  new SsmError({
    code: 'OPTION',
    what: 'startBackend: unknown device.',
    expected: ['auto', ...PREFERENCE].map((name) => `'${name}'`).join(' or '),
    got: String(device),
    fix: "leave it out, or say 'auto'",
  });
