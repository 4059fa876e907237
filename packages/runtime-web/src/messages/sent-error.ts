import { SsmError, type SsmErrorCode } from '@densessm/ssm-core/plain';
import type { SentError } from './protocol';

/** An error as plain data: classes do not survive a message. */
export function toSent(error: unknown): SentError {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error) };
  const { name, message } = error;
  if (error instanceof SsmError) return { name, message, code: error.code, expected: error.expected, got: error.got, fix: error.fix };
  const { code } = error as { code?: unknown };
  return { name, message, ...(typeof code === 'string' && { code }) };
}

/** The error again: an SsmError where it was one, else an Error with the same name, code and message. */
export function fromSent({ name, message, code, expected, got, fix }: SentError): Error {
  if (name === 'SsmError' && expected !== undefined && got !== undefined && fix !== undefined) {
    const what = message.slice(0, Math.max(0, message.lastIndexOf(`\n  expected  ${expected}`))) || message;
    return new SsmError({ code: code as SsmErrorCode, what, expected, got, fix });
  }
  if (name === 'AbortError' || name === 'QuotaExceededError') return new DOMException(message, name);
  return Object.assign(new Error(message), { name, ...(code !== undefined && { code }) });
}
