import type { Draw } from './draw';
import { capitalised, conjugate, inWords, type Tense, withArticle } from './english';
import { ADJECTIVES, COUNTABLES, FOODS, HIDING_PLACES, KINDS, MEN, OATH_ENDS, OATHS, PLACES, THINGS, TRAITS, WOMEN } from './words';

export interface Person {
  readonly name: string;
  readonly isWoman: boolean;
  readonly kind: string;
  readonly trait: string;
  /** What this one eats. */
  readonly food: string;
  /** What this one shouts. */
  readonly cry: string;
}

/** A question that the story answers, put in its own tense. */
export interface Question {
  readonly ask: string;
  readonly answer: string;
}

/** The first letter of what is said, where a sentence begins with it. */
const SPEECH = /([.!?:]"? ")([a-z])/g;

type Slot = string | number | Person;

/** Names with their pronouns, numbers in words. */
function filled(slot: Slot | undefined, what: string): string {
  if (typeof slot === 'number') return inWords(slot);
  if (typeof slot === 'string') return slot;
  if (!slot) throw new Error(`a phrase names {${what}}, which nobody gave`);
  const asked = what.split('.')[1] ?? 'name';
  const pronouns: Record<string, string> = slot.isWoman
    ? { he: 'she', him: 'her', his: 'her', himself: 'herself' }
    : { he: 'he', him: 'him', his: 'his', himself: 'himself' };
  const lower = asked.toLowerCase();
  const word = pronouns[lower] ?? { name: slot.name, food: slot.food, cry: slot.cry, kind: slot.kind }[asked] ?? '';
  return asked === lower ? word : capitalised(word);
}

/** A story as it is told: who is in it, what has been used, what may be asked. */
export class World {
  readonly cast: readonly Person[];
  readonly questions: Question[] = [];
  readonly paragraphs: string[] = [];
  readonly #used = new Set<string>();
  readonly #things: string[];
  readonly #places: string[];
  readonly #hidingPlaces: string[];
  readonly #countables: (readonly [string, string])[];

  constructor(
    readonly draw: Draw,
    readonly tense: Tense,
    castSize: number,
  ) {
    this.cast = people(draw, castSize);
    this.#things = draw.some(THINGS, THINGS.length);
    this.#places = draw.some(PLACES, PLACES.length);
    this.#hidingPlaces = draw.some(HIDING_PLACES, HIDING_PLACES.length);
    this.#countables = draw.some(COUNTABLES, COUNTABLES.length);
  }

  /** A thing that has not been in the story yet, such as "old drum". */
  thing(): string {
    return `${this.draw.pick(ADJECTIVES)} ${this.#things.pop() ?? 'teaspoon'}`;
  }

  place(): string {
    return this.#places.pop() ?? 'the sea';
  }

  hidingPlace(): string {
    return this.#hidingPlaces.pop() ?? 'in the cellar';
  }

  /** One and many of something that has not been in the story yet. */
  countable(): readonly [string, string] {
    return this.#countables.pop() ?? ['pea', 'peas'];
  }

  verb(base: string, isPlural = false): string {
    return conjugate(base, this.tense, isPlural);
  }

  /** Fills a phrase: see phrases.ts. `[be+]` is the plural of a verb, `[be:past]` a tense of its own. */
  say(phrase: string, slots: Readonly<Record<string, Slot>> = {}): string {
    const worded = phrase
      .replace(/\[([a-z]+)(\+?)(:past)?\]/g, (_, base: string, plus: string, own: string) =>
        conjugate(base, own ? 'past' : this.tense, plus === '+' || (own !== undefined && base === 'be')),
      )
      .replace(/\{([\w.]+)\}/g, (_, what: string) => filled(slots[what.split('.')[0] as string], what));
    return capitalised(worded.replace(SPEECH, (_, end: string, letter: string) => end + letter.toUpperCase()));
  }

  /** One of several phrases. */
  any(phrases: readonly string[], slots: Readonly<Record<string, Slot>> = {}): string {
    return this.say(this.draw.pick(phrases), slots);
  }

  /** One of several phrases that the story has not used yet, if there is one. */
  fresh(phrases: readonly string[], slots: Readonly<Record<string, Slot>> = {}): string {
    const unused = phrases.filter((phrase) => !this.#used.has(phrase));
    const phrase = this.draw.pick(unused.length > 0 ? unused : phrases);
    this.#used.add(phrase);
    return this.say(phrase, slots);
  }

  tell(...sentences: readonly string[]): void {
    this.paragraphs.push(sentences.filter(Boolean).join(' '));
  }

  ask(ask: string, answer: string, slots: Readonly<Record<string, Slot>> = {}): void {
    this.questions.push({ ask: this.say(ask, slots), answer: this.say(answer, slots) });
  }
}

function people(draw: Draw, count: number): Person[] {
  const names = draw.some([...WOMEN, ...MEN], count);
  const [kinds, foods, traits] = [draw.some(KINDS, count), draw.some(FOODS, count), draw.some(TRAITS, count)];
  const [first, second] = [draw.some(OATHS, count), draw.some(OATH_ENDS, count)];
  return names.map((name, i) => ({
    name,
    isWoman: WOMEN.includes(name),
    kind: kinds[i] as string,
    trait: traits[i] as string,
    food: foods[i] as string,
    cry: `${capitalised(first[i] as string)} and ${second[i]}`,
  }));
}

/** "a sleepy goat". */
export const described = ({ trait, kind }: Person): string => withArticle(`${trait} ${kind}`);
