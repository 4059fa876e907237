/** Checks of JSON that this command wrote itself, so that a damaged file is told by its field and not by what breaks on it later. */
import { isObject, SsmError } from '@densessm/ssm-core/plain';

/** Returns where a value is not as it should be, or undefined. `path` is what to call it. */
export type Check = (value: unknown, path: string) => Mismatch | undefined;

export interface Mismatch {
  readonly path: string;
  readonly expected: string;
  readonly got: unknown;
}

const that =
  (expected: string, holds: (value: unknown) => boolean): Check =>
  (value, path) =>
    holds(value) ? undefined : { path, expected, got: value };

export const string = that('text', (value) => typeof value === 'string');
export const finite = that('a number', (value) => typeof value === 'number' && Number.isFinite(value));
export const integer = (min: number): Check =>
  that(`an integer from ${min}`, (value) => Number.isSafeInteger(value) && (value as number) >= min);
export const anyObject = that('an object', isObject);
export const oneOf = (...values: readonly unknown[]): Check => that(values.join(' or '), (value) => values.includes(value));
export const nullable =
  (check: Check): Check =>
  (value, path) =>
    value === null ? undefined : check(value, path);

export const optional =
  (check: Check): Check =>
  (value, path) =>
    value === undefined ? undefined : check(value, path);

/** An object with these fields; others may be there. */
export const fields =
  (checks: Readonly<Record<string, Check>>): Check =>
  (value, path) =>
    anyObject(value, path) ??
    first(Object.entries(checks), ([name, check]) => check((value as Record<string, unknown>)[name], join(path, name)));

export const listOf =
  (check: Check): Check =>
  (value, path) =>
    Array.isArray(value)
      ? first([...value.entries()], ([i, one]) => check(one, `${path}[${i}]`))
      : { path, expected: 'a list', got: value };

/** An object of which every value is as the check says, whatever the names. */
export const mapOf =
  (check: Check): Check =>
  (value, path) =>
    anyObject(value, path) ?? first(Object.entries(value as object), ([name, one]) => check(one, join(path, name)));

const join = (path: string, name: string): string => (path === '' ? name : `${path}.${name}`);

function first<T>(values: readonly T[], check: (value: T) => Mismatch | undefined): Mismatch | undefined {
  for (const value of values) {
    const found = check(value);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** @throws SsmError FILE naming the file and the first field that is not as it should be */
export function requireJson(file: string, value: unknown, check: Check, fix: string): void {
  const found = check(value, '');
  if (found === undefined) return;
  const what = found.path === '' ? `${file} is damaged.` : `${file} is damaged: \`${found.path}\` cannot be used.`;
  const got = found.got === undefined ? 'nothing' : JSON.stringify(found.got).slice(0, 80);
  throw new SsmError({ code: 'FILE', what, expected: found.expected, got, fix });
}
