/** Kernels that computed wrongly on a device, as `densessm doctor` found them: they stay off there until it finds them right. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { isObject } from '@densessm/ssm-core/plain';

/** The device that was started last, as its driver describes it: names are kept by it. */
let device: string | undefined;

const fileOf = (env: NodeJS.ProcessEnv): string =>
  join(env.XDG_CACHE_HOME || join(env.HOME || homedir(), '.cache'), 'densessm', 'wrong-kernels.json');

/** A file that is damaged or cannot be read says nothing. */
function read(env: NodeJS.ProcessEnv): Record<string, unknown> {
  try {
    const noted: unknown = JSON.parse(readFileSync(fileOf(env), 'utf8'));
    return isObject(noted) ? noted : {};
  } catch {
    return {};
  }
}

export function wrongKernelsOf(about: string, env: NodeJS.ProcessEnv = process.env): readonly string[] {
  device = about;
  const names = read(env)[about];
  return Array.isArray(names) ? names.filter((name) => typeof name === 'string') : [];
}

/**
 * Keeps which kernels the WebGPU device that was started last computes wrongly: {@link startBackend} leaves them to their references there from now on, until
 * this is called without them. @returns the file, where there is anything to keep @throws Error where it cannot be written
 */
export function noteWrongKernels(names: readonly string[], env: NodeJS.ProcessEnv = process.env): string | undefined {
  if (device === undefined) return undefined;
  const { [device]: before, ...others } = read(env);
  if (before === undefined && names.length === 0) return undefined;
  const path = fileOf(env);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${JSON.stringify(names.length > 0 ? { ...others, [device]: names } : others, null, 2)}\n`);
  return path;
}
