import { shown, TokenizerError } from './errors';
import { MAX_IDS } from './limits';

/** A piece of a file's JSON together with the path to it, for errors. */
export class JsonReader {
  constructor(
    readonly where: string,
    readonly json: Readonly<Record<string, unknown>>,
  ) {}

  /** @throws TokenizerError FILE where the value is no object */
  static of(where: string, value: unknown): JsonReader {
    if (isObject(value)) return new JsonReader(where, value);
    throw badValue(where, 'an object', value);
  }

  has(key: string): boolean {
    return this.json[key] !== undefined && this.json[key] !== null;
  }

  object(key: string): JsonReader {
    return JsonReader.of(`${this.where}.${key}`, this.json[key]);
  }

  /** The object at a key, or null where the file has null or nothing there. */
  optional(key: string): JsonReader | null {
    return this.has(key) ? this.object(key) : null;
  }

  string(key: string, fallback?: string): string {
    return this.#read(key, fallback, 'a string', (value) => typeof value === 'string');
  }

  /** A string, or null where the file has null or nothing there. */
  stringOrNull(key: string): string | null {
    return this.has(key) ? this.string(key) : null;
  }

  boolean(key: string, fallback?: boolean): boolean {
    return this.#read(key, fallback, 'true or false', (value) => typeof value === 'boolean');
  }

  number(key: string, fallback?: number): number {
    return this.#read(key, fallback, 'a number', (value) => typeof value === 'number');
  }

  id(key: string, fallback?: number): number {
    return this.#read(key, fallback, ID, isId);
  }

  /** An integer from 0. */
  count(key: string, fallback?: number): number {
    return this.#read(key, fallback, 'an integer from 0', isCount);
  }

  list(key: string, fallback?: readonly unknown[]): readonly unknown[] {
    return this.#read(key, fallback, 'a list', Array.isArray);
  }

  objects(key: string): JsonReader[] {
    return this.list(key).map((one, index) => JsonReader.of(`${this.where}.${key}[${index}]`, one));
  }

  /** One of the given words; a word beyond them is sound but not supported. */
  oneOf<const Choice extends string>(key: string, choices: readonly Choice[], fallback?: Choice): Choice {
    const value = this.string(key, fallback);
    const choice = choices.find((one) => one === value);
    if (choice !== undefined) return choice;
    throw this.unsupported(key, `one of ${choices.join(', ')}`);
  }

  /** The error for something that a file may ask for and that is not supported here. */
  unsupported(key: string, expected: string): TokenizerError {
    const fix = 'use another tokenizer, or ask for this one in an issue';
    const what = `${this.where}: \`${key}\` asks for something that is not supported.`;
    return new TokenizerError({ code: 'CONFIG', what, expected, got: shown(this.json[key]), fix });
  }

  #read<T>(key: string, fallback: T | undefined, expected: string, fits: (value: unknown) => boolean): T {
    if (!this.has(key) && fallback !== undefined) return fallback;
    const value = this.json[key];
    if (fits(value)) return value as T;
    throw badValue(`${this.where}.${key}`, expected, value);
  }
}

export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isCount = (value: unknown): value is number => Number.isInteger(value) && Number(value) >= 0 && Number(value) < 2 ** 31;

export const isId = (value: unknown): value is number => isCount(value) && value < MAX_IDS;

/** What an id must be, for errors. */
export const ID = `an id: an integer from 0 to ${MAX_IDS - 1}`;

export function badValue(where: string, expected: string, got: unknown): TokenizerError {
  const fix = 'get the file again, or correct it there';
  return new TokenizerError({ code: 'FILE', what: `${where} cannot be used.`, expected, got: shown(got), fix });
}

/** @throws TokenizerError FILE */
export function parseJsonText(where: string, text: string): unknown {
  try {
    return JSON.parse(text.startsWith('\uFEFF') ? text.slice(1) : text);
  } catch (cause) {
    const got = cause instanceof Error ? cause.message : String(cause);
    const fix = 'get the file again: it may have been cut short, or be a web page or a Git LFS pointer instead';
    throw new TokenizerError({ code: 'FILE', what: `${where}: the text is not JSON.`, expected: 'a JSON document', got, fix }, { cause });
  }
}
