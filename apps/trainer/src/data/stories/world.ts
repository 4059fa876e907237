import type { Draw } from './draw';
import { capitalised, type Tense, withArticle } from './english';
import { fill, type Slots } from './phrase';
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

  /** Fills a phrase, see phrase.ts. */
  say(phrase: string, slots: Slots = {}): string {
    return fill(phrase, this.tense, slots);
  }

  /** One of several phrases. */
  any(phrases: readonly string[], slots: Slots = {}): string {
    return this.say(this.draw.pick(phrases), slots);
  }

  /** One of several phrases that the story has not used yet, if there is one. */
  fresh(phrases: readonly string[], slots: Slots = {}): string {
    const unused = phrases.filter((phrase) => !this.#used.has(phrase));
    const phrase = this.draw.pick(unused.length > 0 ? unused : phrases);
    this.#used.add(phrase);
    return this.say(phrase, slots);
  }

  tell(...sentences: readonly string[]): void {
    this.paragraphs.push(sentences.filter(Boolean).join(' '));
  }

  ask(ask: string, answer: string, slots: Slots = {}): void {
    this.questions.push({ ask: this.say(ask, slots), answer: this.say(answer, slots) });
  }
}

const NAMES = [...WOMEN, ...MEN];

function people(draw: Draw, count: number): Person[] {
  const names = draw.some(NAMES, count);
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
