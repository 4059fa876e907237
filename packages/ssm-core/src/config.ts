import { SsmError } from './errors';

export type ConfigJson = Readonly<Record<string, unknown>>;

interface NumberRule<D> {
  /** What an absent key means; without it, absence is an error. */
  fallback?: D;
  min?: number;
  max?: number;
}

/**
 * Reads a config.json key by key with one clear error per mistake. Call {@link ConfigReader.refuseUnknown} at the end
 * for a format of our own; foreign formats carry keys that are none of our business.
 */
export class ConfigReader {
  readonly #seen = new Set<string>();

  constructor(
    readonly where: string,
    readonly json: ConfigJson,
  ) {}

  has(key: string): boolean {
    return this.json[key] !== undefined && this.json[key] !== null;
  }

  /**
   * The first of several spellings of a key that the config uses; the first spelling where it uses none. All that it uses count as read.
   * @throws SsmError CONFIG where two spellings have different values
   */
  spelling(...keys: [string, ...string[]]): string {
    const [first = keys[0], ...others] = keys.filter((key) => this.has(key));
    for (const key of others) {
      this.#seen.add(key);
      const value = JSON.stringify(this.json[first]);
      const fix = 'two names of one thing disagree: keep the one that the weights were trained with';
      this.require(JSON.stringify(this.json[key]) === value, key, `${value}, as \`${first}\` says`, fix);
    }
    return first;
  }

  integer<D extends number | undefined = never>(key: string, rule: NumberRule<D> = {}): number | D {
    const { fallback, min = 1, max = 2 ** 31 - 1 } = rule;
    const value = this.#read(key, fallback);
    if (value === undefined && 'fallback' in rule) return undefined as D;
    if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return value;
    throw this.#bad(key, `an integer from ${min} to ${max}`);
  }

  number<D extends number | undefined = never>(key: string, rule: NumberRule<D> = {}): number | D {
    const { fallback, min = -Infinity, max = Infinity } = rule;
    const value = this.#read(key, fallback);
    if (value === undefined && 'fallback' in rule) return undefined as D;
    if (typeof value === 'number' && value >= min && value <= max) return value;
    throw this.#bad(key, `a number from ${min} to ${max}`);
  }

  boolean(key: string, fallback?: boolean): boolean {
    const value = this.#read(key, fallback);
    if (typeof value === 'boolean') return value;
    throw this.#bad(key, 'true or false');
  }

  oneOf<const Choice extends string>(key: string, choices: readonly Choice[], fallback?: Choice): Choice {
    const value = this.#read(key, fallback);
    const choice = choices.find((one) => one === value);
    if (choice !== undefined) return choice;
    throw this.#bad(key, choices.map((one) => JSON.stringify(one)).join(' or '));
  }

  /** A list of exactly `length` numbers. */
  numbers(key: string, length: number, fallback?: readonly number[]): number[] {
    const value = this.#read(key, fallback);
    if (Array.isArray(value) && value.length === length && value.every((one) => typeof one === 'number' && !Number.isNaN(one)))
      return [...value];
    throw this.#bad(key, `${length} numbers`);
  }

  /** A nested object. */
  object(key: string, fallback: ConfigJson = {}): ConfigJson {
    const value = this.#read(key, fallback);
    if (isObject(value)) return value;
    throw this.#bad(key, 'an object');
  }

  /** Insists that a key that we read only in one way has that value (or is absent). */
  only(key: string, value: unknown, why: string): void {
    this.#seen.add(key);
    if (!this.has(key) || this.json[key] === value) return;
    throw this.#bad(key, JSON.stringify(value), why);
  }

  /** Refuses a key that changes what the model computes in a way that is not built here. Null, false, 0 and an empty list say nothing. */
  refuse(key: string, why: string): void {
    const value = this.json[key];
    const says = this.has(key) && value !== false && value !== 0 && !(Array.isArray(value) && value.length === 0);
    if (says) throw this.#bad(key, 'nothing', why);
  }

  /** @throws SsmError CONFIG where sizes do not divide or do not match. */
  require(condition: boolean, key: string, expected: string, fix?: string): void {
    if (!condition) throw this.#bad(key, expected, fix);
  }

  /** The keys that nobody asked for: what a foreign file also says, to be written back as it was. */
  unread(): ConfigJson {
    return Object.fromEntries(Object.entries(this.json).filter(([key]) => !this.#seen.has(key)));
  }

  refuseUnknown(alsoKnown: readonly string[] = []): void {
    const unknown = Object.keys(this.json).find((key) => !this.#seen.has(key) && !alsoKnown.includes(key));
    if (unknown !== undefined) throw this.#bad(unknown, `one of ${[...this.#seen].join(', ')}`, 'remove the key or correct its spelling');
  }

  #read(key: string, fallback: unknown): unknown {
    this.#seen.add(key);
    return this.has(key) ? this.json[key] : fallback;
  }

  #bad(key: string, expected: string, fix = 'correct the value in config.json'): SsmError {
    const value = this.json[key];
    const got = value === undefined ? 'nothing' : (JSON.stringify(value) ?? String(value));
    return new SsmError({ code: 'CONFIG', what: `${this.where}: \`${key}\` cannot be used.`, expected, got, fix });
  }
}

export const isObject = (value: unknown): value is ConfigJson => typeof value === 'object' && value !== null && !Array.isArray(value);

/** @throws SsmError CONFIG where the parsed JSON is not an object. */
export function readConfig(where: string, json: unknown): ConfigReader {
  if (isObject(json)) return new ConfigReader(where, json);
  const got = Array.isArray(json) ? 'an array' : json === null ? 'null' : typeof json;
  throw new SsmError({
    code: 'CONFIG',
    what: `${where}: the config is not an object.`,
    expected: 'the parsed content of a config.json',
    got,
    fix: 'pass JSON.parse(text), not the text',
  });
}
