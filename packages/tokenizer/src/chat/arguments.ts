import { isTrue, type Keywords, TemplateError, typeName, type Value } from './values';

/** The arguments of a call, read by name as Python binds them. An argument that nobody reads is an error. */
export class Arguments {
  readonly #who: string;
  readonly #positional: readonly Value[];
  readonly #keywords: Keywords;

  constructor(who: string, names: readonly string[], positional: readonly Value[], keywords: Keywords) {
    this.#who = who;
    if (positional.length > names.length)
      throw new TemplateError(`${who} takes at most ${names.length} arguments, not ${positional.length}`);
    const bound = new Map(positional.map((value, index) => [names[index] as string, value]));
    for (const [name, value] of keywords) {
      if (!names.includes(name) || bound.has(name)) throw new TemplateError(`${who} does not take the argument ${name} here`);
      bound.set(name, value);
    }
    this.#positional = positional;
    this.#keywords = bound;
  }

  has(name: string): boolean {
    return this.#keywords.has(name);
  }

  get count(): number {
    return this.#positional.length;
  }

  value(name: string, fallback?: Value): Value {
    if (this.has(name)) return this.#keywords.get(name);
    if (fallback === undefined) throw new TemplateError(`${this.#who} misses the argument ${name}`);
    return fallback;
  }

  text(name: string, fallback?: string): string {
    const value = this.value(name, fallback);
    if (typeof value === 'string') return value;
    throw new TemplateError(`${this.#who}: ${name} must be a str, not ${typeName(value)}`);
  }

  int(name: string, fallback?: number): number {
    const value = this.value(name, fallback === undefined ? undefined : BigInt(fallback));
    if (typeof value === 'bigint' || typeof value === 'boolean') return Number(value);
    throw new TemplateError(`${this.#who}: ${name} must be an int, not ${typeName(value)}`);
  }

  flag(name: string, fallback: boolean): boolean {
    return isTrue(this.value(name, fallback));
  }

  isNone(name: string): boolean {
    return !this.has(name) || this.#keywords.get(name) === null;
  }
}
