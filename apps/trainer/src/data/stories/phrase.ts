import { capitalised, conjugate, inWords, type Tense } from './english';
import type { Person } from './world';

export type Slot = string | number | Person;
export type Slots = Readonly<Record<string, Slot>>;

/** A piece of a phrase once the tense and the slots are known. */
type Part = (tense: Tense, slots: Slots) => string;

const MARKS = /\[([a-z]+)(\+?)(:past)?\]|\{(\w+)(?:\.(\w+))?\}/g;
/** The first letter of what is said, where a sentence begins with it. */
const SPEECH = /([.!?:]"? ")([a-z])/g;
const WOMAN: Readonly<Record<string, string>> = { he: 'she', him: 'her', his: 'her', himself: 'herself' };

/** What each phrase is made of, so that it is taken apart once. */
const known = new Map<string, readonly Part[]>();

/**
 * Fills a phrase: `{a}` is a name, a number in words or a text, `{a.he}`, `{a.him}`, `{a.his}` the pronouns of a person, with a
 * capital where written so; `[walk]` is the verb in the tense of the story, `[walk+]` its plural, `[be:past]` "were".
 */
export function fill(phrase: string, tense: Tense, slots: Slots): string {
  if (!phrase.includes('{') && !phrase.includes('[')) return capitalised(phrase);
  const parts = known.get(phrase) ?? partsOf(phrase);
  known.set(phrase, parts);
  let text = '';
  for (const part of parts) text += part(tense, slots);
  if (text.includes(' "')) text = text.replace(SPEECH, (_, end: string, letter: string) => end + letter.toUpperCase());
  return capitalised(text);
}

function partsOf(phrase: string): Part[] {
  const parts: Part[] = [];
  let end = 0;
  for (const match of phrase.matchAll(MARKS)) {
    const before = phrase.slice(end, match.index);
    if (before) parts.push(() => before);
    parts.push(markOf(match));
    end = match.index + match[0].length;
  }
  const rest = phrase.slice(end);
  return rest ? [...parts, () => rest] : parts;
}

function markOf([mark, verb, plural, past, name = '', asked]: RegExpMatchArray): Part {
  if (verb !== undefined) return (tense) => conjugate(verb, past ? 'past' : tense, plural === '+' || (past !== undefined && verb === 'be'));
  return (_, slots) => {
    const slot = slots[name];
    if (slot === undefined) throw new Error(`a phrase has ${mark}, which nobody gave`);
    if (typeof slot === 'string') return slot;
    return typeof slot === 'number' ? inWords(slot) : about(slot, asked ?? 'name');
  };
}

function about(person: Person, asked: string): string {
  const lower = asked.toLowerCase();
  if (!(lower in WOMAN)) return String(person[asked as keyof Person]);
  const word = person.isWoman ? (WOMAN[lower] as string) : lower;
  return asked === lower ? word : capitalised(word);
}
