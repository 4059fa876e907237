/** Names of the groups that stand for `(?>…)`, which JavaScript lacks. */
export const ATOMIC = 'atomic';

/**
 * An expression of Oniguruma with `(?>x)` and the possessive `x*+`, `x++` and `x?+` as groups `(?<atomic0>x)`, so that they
 * outlive the library's translation, which would make ordinary groups and quantifiers of them; and with `x{2}?`, which means
 * `(?:x{2})?` in Oniguruma, so written. What is wrong in it is left for the translation to refuse.
 * @throws Error for `x+?+`, which the translation reads otherwise than Oniguruma
 */
export function markAtomic(source: string): string {
  return new Marker(source).marked();
}

const ESCAPE = /\\(?:[pPx]\{[^}]*\}|[\s\S])/uy;
const GROUP = /\((?:\?(?:>|<\w+>|<[=!]|[a-z-]*:|[=!]))?/uy;
const QUANTIFIER = /[*+?]|\{\d*(?:,\d*)?\}/uy;

class Marker {
  #at = 0;
  #count = 0;
  readonly #source: string;
  /** Atoms, quantifiers and the rest, in order. */
  readonly #out: string[] = [];
  /** Where open groups begin in `#out`. */
  readonly #open: number[] = [];
  /** Where what a quantifier would repeat begins in `#out`; −1 where there is nothing to repeat. */
  #atom = -1;

  constructor(source: string) {
    this.#source = source;
  }

  marked(): string {
    while (this.#at < this.#source.length) this.#next();
    return this.#out.join('');
  }

  #next(): void {
    const character = this.#source[this.#at];
    if (this.#atom >= 0 && this.#quantifier()) return;
    if (character === '(') this.#group();
    else if (character === ')') {
      this.#atom = this.#open.pop() ?? -1;
      this.#out.push(this.#take(1));
    } else if (character === '|') {
      this.#atom = -1;
      this.#out.push(this.#take(1));
    } else {
      this.#atom = this.#out.length;
      this.#out.push(character === '[' ? this.#class() : (this.#match(ESCAPE) ?? this.#match(/[\s\S]/uy) ?? ''));
    }
  }

  #group(): void {
    const prefix = this.#match(GROUP) as string;
    this.#open.push(this.#out.length);
    this.#out.push(prefix === '(?>' ? this.#name() : prefix);
    this.#atom = -1;
  }

  #quantifier(): boolean {
    const quantifier = this.#match(QUANTIFIER);
    if (quantifier === undefined) return false;
    const suffix = this.#source[this.#at];
    if (suffix === '+' && !quantifier.startsWith('{')) this.#wrap(this.#name(), `${quantifier})`);
    else if (suffix === '?' && /^\{\d+\}$/.test(quantifier)) this.#wrap('(?:', `${quantifier})?`);
    else if (suffix === '?') {
      if (this.#source[this.#at + 1] === '+') throw new Error(`${quantifier}?+ is not supported`);
      this.#out.push(quantifier + suffix);
    } else {
      this.#out.push(quantifier);
      return true;
    }
    this.#at++;
    return true;
  }

  #wrap(before: string, after: string): void {
    this.#out.splice(this.#atom, 0, before);
    this.#out.push(after);
  }

  /** A class with the classes in it; a bracket that closes at once is a character. */
  #class(): string {
    const start = this.#at;
    let depth = 0;
    do {
      const opening = this.#match(/\[\^?\]?/uy);
      if (opening !== undefined) depth++;
      else if (this.#source[this.#at] === ']') {
        depth--;
        this.#at++;
      } else if (this.#match(ESCAPE) === undefined) this.#at++;
    } while (depth > 0 && this.#at < this.#source.length);
    return this.#source.slice(start, this.#at);
  }

  #name(): string {
    return `(?<${ATOMIC}${this.#count++}>`;
  }

  #take(length: number): string {
    this.#at += length;
    return this.#source.slice(this.#at - length, this.#at);
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#source)?.[0];
    this.#at += found?.length ?? 0;
    return found;
  }
}
