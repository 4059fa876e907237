import { SsmError } from '@densessm/ssm-core/plain';

/** An error of the data itself, FILE: what, expected, got, how to fix. */
export const dataError = (what: string, expected: string, got: string, fix: string, cause?: unknown): SsmError =>
  new SsmError({ code: 'FILE', what, expected, got, fix }, { cause });

/** What somebody wrote, in at most 60 characters. */
export function shown(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value));
  return text.length <= 60 ? text : `${text.slice(0, 57)}...`;
}

/** What the system says of a file that cannot be read. */
export function unreadable(name: string, cause: unknown): SsmError {
  const { code, message } = cause as NodeJS.ErrnoException;
  if (code === 'ENOENT') return dataError(`${name} does not exist.`, 'a file', 'nothing', 'check the path', cause);
  return dataError(`${name} cannot be read.`, 'a file that may be read', String(code ?? message), 'check who may read it', cause);
}
