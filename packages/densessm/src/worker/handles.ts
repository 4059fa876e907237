import { SsmError } from '@densessm/ssm-core';

/** Things of the worker that the page knows by number. */
export class Handles<T> {
  readonly #what: string;
  readonly #things = new Map<number, T>();
  #next = 1;

  /** @param what names one in errors: 'model' */
  constructor(what: string) {
    this.#what = what;
  }

  add(thing: T): number {
    const handle = this.#next++;
    this.#things.set(handle, thing);
    return handle;
  }

  /** @throws SsmError STATE where it was disposed of */
  get(handle: number): T {
    const found = this.#things.get(handle);
    if (found !== undefined) return found;
    throw new SsmError({
      code: 'STATE',
      what: `The ${this.#what} was disposed of.`,
      expected: `a ${this.#what} that the worker holds`,
      got: `number ${handle}`,
      fix: 'open it again, or dispose of it later',
    });
  }

  /** Takes it out; undefined where it is not there any longer. */
  take(handle: number): T | undefined {
    const found = this.#things.get(handle);
    this.#things.delete(handle);
    return found;
  }
}
