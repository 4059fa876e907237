import { SsmError } from '@densessm/ssm-core';

export interface JsonOptions {
  /** Whose text it is, for the error: 'config.json', say. */
  where: string;
  /** A key that occurs twice in one object is an error instead of the last one winning. */
  refuseDuplicates?: boolean;
  /** Accepts Infinity, -Infinity and NaN outside strings, which Python writes although JSON has no such words. */
  bareNumbers?: boolean;
}

/** Objects and arrays inside each other: beyond what any config or header holds, far below the depth of the call stack. */
const MAX_DEPTH = 100;
/** Values in all, keys aside: a header of 230,000 tensors has so many, and what has more is made to fill the memory. */
const MAX_JSON_VALUES = 2 ** 21;
/** Characters of one number: Python writes at most 25. */
const MAX_NUMBER = 1000;
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
const WORDS: readonly (readonly [string, unknown])[] = [
  ['true', true],
  ['false', false],
  ['null', null],
];
const BARE_NUMBERS: readonly (readonly [string, unknown])[] = [
  ['Infinity', Infinity],
  ['-Infinity', -Infinity],
  ['NaN', Number.NaN],
];

/**
 * JSON (RFC 8259) with what JSON.parse cannot do: see keys that occur twice (compared after unescaping), read the
 * words Infinity and NaN, say line and column of a mistake.
 * @throws SsmError FILE
 */
export function parseJson(text: string, options: JsonOptions): unknown {
  return new JsonCursor(text, options).document();
}

class JsonCursor {
  #at = 0;
  #values = 0;
  readonly #text: string;
  readonly #options: JsonOptions;
  readonly #words: readonly (readonly [string, unknown])[];

  constructor(text: string, options: JsonOptions) {
    this.#text = text;
    this.#options = options;
    this.#words = options.bareNumbers ? [...WORDS, ...BARE_NUMBERS] : WORDS;
  }

  document(): unknown {
    const value = this.#value(0);
    this.#skipSpace();
    if (this.#at < this.#text.length) throw this.#bad('the end of the text');
    return value;
  }

  #value(depth: number): unknown {
    if (++this.#values > MAX_JSON_VALUES) throw this.#bad(`at most ${MAX_JSON_VALUES} values in all`);
    if (depth > MAX_DEPTH) throw this.#bad(`at most ${MAX_DEPTH} objects and arrays inside each other`);
    this.#skipSpace();
    const first = this.#text[this.#at];
    if (first === '{') return this.#object(depth);
    if (first === '[') return this.#array(depth);
    if (first === '"') return this.#string();
    for (const [word, value] of this.#words) {
      if (!this.#text.startsWith(word, this.#at)) continue;
      this.#at += word.length;
      return value;
    }
    return this.#number();
  }

  #object(depth: number): Record<string, unknown> {
    const entries = new Map<string, unknown>();
    this.#at++;
    this.#skipSpace();
    if (this.#take('}')) return {};
    do {
      this.#skipSpace();
      const start = this.#at;
      if (this.#text[start] !== '"') throw this.#bad('a key in double quotes');
      const key = this.#string();
      if (this.#options.refuseDuplicates && entries.has(key)) throw this.#bad(`the key ${shorten(JSON.stringify(key))} once`, start);
      this.#skipSpace();
      if (!this.#take(':')) throw this.#bad('a colon');
      entries.set(key, this.#value(depth + 1));
      this.#skipSpace();
    } while (this.#take(','));
    if (!this.#take('}')) throw this.#bad('a comma or }');
    return Object.fromEntries(entries); // defines own properties, even one named __proto__
  }

  #array(depth: number): unknown[] {
    const items: unknown[] = [];
    this.#at++;
    this.#skipSpace();
    if (this.#take(']')) return items;
    do {
      items.push(this.#value(depth + 1));
      this.#skipSpace();
    } while (this.#take(','));
    if (!this.#take(']')) throw this.#bad('a comma or ]');
    return items;
  }

  #string(): string {
    const start = this.#at;
    let escaped = false;
    let end = start + 1;
    for (; this.#text[end] !== '"'; end++) {
      const code = this.#text.charCodeAt(end);
      if (Number.isNaN(code)) throw this.#bad('a closing double quote', start);
      if (code < 0x20) throw this.#bad('control characters escaped inside a string', end);
      if (code !== 0x5c) continue;
      escaped = true;
      end++;
    }
    this.#at = end + 1;
    if (!escaped) return this.#text.slice(start + 1, end);
    try {
      return JSON.parse(this.#text.slice(start, end + 1)) as string;
    } catch {
      throw this.#bad('a string with valid escapes', start);
    }
  }

  #number(): number {
    const start = this.#at;
    let end = start;
    while (end - start <= MAX_NUMBER && isNumberCharacter(this.#text.charCodeAt(end))) end++;
    const digits = this.#text.slice(start, end);
    if (digits.length > MAX_NUMBER || !NUMBER.test(digits)) throw this.#bad('a value', start);
    this.#at = end;
    return Number(digits);
  }

  #skipSpace(): void {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
      this.#at++;
    }
  }

  #take(character: string): boolean {
    const found = this.#text[this.#at] === character;
    if (found) this.#at++;
    return found;
  }

  #bad(expected: string, at = this.#at): SsmError {
    let [line, lineStart] = [1, 0];
    for (let i = this.#text.indexOf('\n'); i >= 0 && i < at; i = this.#text.indexOf('\n', i + 1)) {
      line++;
      lineStart = i + 1;
    }
    const column = at - lineStart + 1;
    const found = at < this.#text.length ? shorten(JSON.stringify(this.#text.slice(at, at + 20))) : 'the end of the text';
    return new SsmError({
      code: 'FILE',
      what: `${this.#options.where}: line ${line}, column ${column} is not valid JSON.`,
      expected,
      got: found,
      fix: 'get the file again, or correct it there',
    });
  }
}

/** Digits, + - . e E. */
function isNumberCharacter(code: number): boolean {
  return (code >= 0x30 && code <= 0x39) || code === 0x2b || code === 0x2d || code === 0x2e || code === 0x45 || code === 0x65;
}

/** At most 60 characters of untrusted text, for an error. */
export function shorten(text: string): string {
  return text.length <= 60 ? text : `${text.slice(0, 57)}...`;
}
