import type { Value } from './values';

/** Variables of a block, which sees those around it. */
export class Scope {
  readonly #own = new Map<string, Value>();
  readonly #outer: Scope | null;

  constructor(outer: Scope | null) {
    this.#outer = outer;
  }

  get(name: string): Value {
    for (let scope: Scope | null = this; scope; scope = scope.#outer) if (scope.#own.has(name)) return scope.#own.get(name);
    return undefined;
  }

  set(name: string, value: Value): void {
    this.#own.set(name, value);
  }
}
