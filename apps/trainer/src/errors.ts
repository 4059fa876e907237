import { SsmError, type SsmErrorCode } from '@densessm/ssm-core/plain';
import { EXIT, Interrupted } from './io';

/** The fields that every error of the house has, of whichever class. */
interface HouseError extends Error {
  readonly code: SsmErrorCode;
  readonly expected: string;
  readonly got: string;
  readonly fix: string;
}

/** @returns an error that ends with exit code 2: a flag or a value that the command does not have. */
export const usageError = (what: string, expected: string, got: string, fix: string): SsmError =>
  new SsmError({ code: 'OPTION', what, expected, got, fix });

/** What to write for an error, and the exit code it means. Stacks are for our own mistakes only. */
export function describeError(error: unknown, asJson: boolean): { text: string; code: number } {
  const about = isHouseError(error)
    ? { code: error.code, message: firstLine(error.message), expected: error.expected, got: error.got, fix: error.fix }
    : { code: systemCode(error) ?? (error instanceof Interrupted ? 'INTERRUPTED' : 'UNEXPECTED'), message: plainText(error) };
  const code = about.code === 'OPTION' ? EXIT.usage : EXIT.failure;
  if (asJson) return { text: JSON.stringify({ error: about }), code };
  if (isHouseError(error)) return { text: `densessm: ${error.message}`, code };
  return { text: error instanceof Interrupted ? error.message : `densessm: ${about.message}`, code };
}

/** The tokenizer's errors are of another class with the same name and fields. */
const isHouseError = (error: unknown): error is HouseError => error instanceof Error && error.name === 'SsmError' && 'fix' in error;

const firstLine = (text: string): string => text.split('\n', 1)[0] ?? '';

/** ENOSPC, EACCES and their like. */
function systemCode(error: unknown): string | undefined {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  return typeof code === 'string' ? code : undefined;
}

/** An error of the system is told in its own words; one of ours that nobody foresaw shows where it came from. */
function plainText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof Interrupted || systemCode(error) !== undefined) return error.message;
  return `an unforeseen error; please report it.\n${error.stack ?? error.message}`;
}
