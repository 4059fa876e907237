import { TemplateError } from './values';

/**
 * How much a template may do, since it comes from strangers. Published ones take some ten thousand steps for a long
 * conversation and are some 20 kB; the bounds end any template within a second or two.
 */
export class Budget {
  /** Steps, and characters or items made, of which 16 count as one. */
  #left = 10_000_000;
  #depth = 0;

  spend(characters = 0): void {
    this.#left -= 1 + characters / 16;
    if (this.#left < 0) throw new TemplateError('the template does more than any conversation needs');
  }

  /** A text or list of a length that is known before it is made. */
  make(length: number): void {
    if (!(length <= MAX_LENGTH))
      throw new TemplateError(`the template makes a text or list of ${length} parts; at most ${MAX_LENGTH} are supported`);
    this.spend(length);
  }

  /** Macros in macros: Python's own limit is near. */
  nested<T>(action: () => T): T {
    if (++this.#depth > 200) throw new TemplateError('macros call each other more than 200 deep');
    try {
      return action();
    } finally {
      this.#depth--;
    }
  }
}

/** 16 million: far more than a model reads. */
const MAX_LENGTH = 2 ** 24;
/** Characters of a template, and in a row of its spaces: the library looks at spaces several times. */
const MAX_SOURCE = 2 ** 18;
const MAX_SPACES = 2 ** 12;

export function checkSource(source: string): void {
  if (source.length > MAX_SOURCE) throw new TemplateError(`it has ${source.length} characters; at most ${MAX_SOURCE} are supported`);
  const longest = (source.match(/\s+/g) ?? []).reduce((most, spaces) => Math.max(most, spaces.length), 0);
  if (longest > MAX_SPACES) throw new TemplateError(`it has ${longest} spaces in a row; at most ${MAX_SPACES} are supported`);
}
