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

/** Advice of the packages for who calls them as functions, and what it means for who types a command. */
const COMMAND_WORDS: readonly (readonly [RegExp, string])[] = [
  [
    /call registerModel.*? or check the config/,
    'check model_type in config.json; densessm opens Mamba, Mamba-2, RetNet, their dense forms, and models of your own with --plugin FILE',
  ],
  [/, or allow what may be missing with allowMissing/, ''],
  [/pass \{ allowMissing, seed: 1 \}/, 'use the config.json that belongs to these weights'],
  [/with \{ offline: true \}/, 'with --offline'],
  [/with options\.cacheDir or HF_HUB_CACHE/, 'with HF_HUB_CACHE'],
  [/pass prefixToken: an id/, 'add --prefix-token: an id'],
  [/, or pass a template as `template`/, ''],
];

const inCommandWords = (text: string): string => COMMAND_WORDS.reduce((all, [words, ours]) => all.replace(words, ours), text);

/** What to write for an error, and the exit code it means. Stacks are for our own mistakes only. */
export function describeError(error: unknown, asJson: boolean): { text: string; code: number } {
  const about = isHouseError(error)
    ? { code: error.code, message: firstLine(error.message), expected: error.expected, got: error.got, fix: inCommandWords(error.fix) }
    : { code: systemCode(error) ?? (error instanceof Interrupted ? 'INTERRUPTED' : 'UNEXPECTED'), message: plainText(error) };
  const code = about.code === 'OPTION' ? EXIT.usage : EXIT.failure;
  if (asJson) return { text: JSON.stringify({ error: about }), code };
  if (isHouseError(error)) return { text: `densessm: ${inCommandWords(error.message)}`, code };
  return { text: error instanceof Interrupted ? error.message : `densessm: ${about.message}`, code };
}

/** The tokenizer's errors are of another class with the same fields. */
export const isHouseError = (error: unknown): error is HouseError =>
  error instanceof Error && (error.name === 'SsmError' || error.name === 'TokenizerError') && 'fix' in error;

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
