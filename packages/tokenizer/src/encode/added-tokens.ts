import { Trie } from '../models/trie';
import type { Normalizer } from './normalizer';
import { escapeRegExp } from './split';

/** A token that is looked for in the text itself, before the model sees it. */
export interface AddedToken {
  id: number;
  content: string;
  /** Not inside a word. */
  singleWord: boolean;
  /** Takes the spaces to its left (right) along. */
  lstrip: boolean;
  rstrip: boolean;
  /** Looked for in the normalized text, in its own normalized form. */
  normalized: boolean;
  special: boolean;
}

/** What lies between two added tokens, or the id of one. `atStart`: it begins the text that was cut. */
export type Section = number | { text: string; atStart: boolean };

/** Cuts a text at its added tokens; of those that begin at one place the longest counts. */
export type SectionCutter = (text: string, specialsAsText: boolean) => Section[];

const ENDS_IN_WORD = /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]$/u;
const BEGINS_WITH_WORD = /^[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]/u;
const SPACE = /\p{White_Space}/u;

/**
 * Tokens by the form in which they stand in the text. Two with one form: the one with the greater id counts.
 * As AddedVocabulary in Hugging Face's tokenizers does it.
 */
export function sectionCutter(tokens: readonly AddedToken[], form: Normalizer): SectionCutter {
  const byForm = new Map<string, number>();
  tokens.forEach((token, index) => {
    const text = form(token.content);
    if (text !== '') byForm.set(text, index);
  });
  if (byForm.size === 0) return (text) => (text === '' ? [] : [{ text, atStart: true }]);
  const trie = new Trie('tokenizer.json.added_tokens', byForm);
  const finder = { tokens, trie, beginnings: beginningsOf([...byForm.keys()]) };
  return (text, specialsAsText) => sections(text, finder, specialsAsText);
}

/** More first units than these make the expression slower than it is useful to look at second ones. */
const MAX_FIRST_UNITS = 64;

/**
 * Where a token may begin: its first unit, and before its second. Both, since tokens of several spaces are common, and so are
 * single spaces in texts.
 */
function beginningsOf(forms: readonly string[]): RegExp {
  const seconds = new Map<string, Set<string>>();
  for (const form of forms) seconds.set(form.charAt(0), (seconds.get(form.charAt(0)) ?? new Set()).add(form.charAt(1)));
  if (seconds.size > MAX_FIRST_UNITS) return new RegExp(classOf([...seconds.keys()]), 'g');
  const options = Array.from(seconds, ([first, all]) => escapeRegExp(first) + (all.has('') ? '' : `(?=${classOf([...all])})`));
  return new RegExp(options.join('|'), 'g');
}

const classOf = (units: readonly string[]): string => `[${units.map((unit) => escapeRegExp(unit).replace('-', '\\-')).join('')}]`;

interface Finder {
  tokens: readonly AddedToken[];
  /** Indices of the tokens. */
  trie: Trie;
  /** Where tokens may begin: the engine finds these places faster than we do. */
  beginnings: RegExp;
}

interface Found {
  token: AddedToken;
  start: number;
  stop: number;
}

/** Added tokens in a text, from left to right: the longest one where several begin. */
function* find(text: string, { tokens, trie, beginnings }: Finder): Generator<Found> {
  let end = 0;
  for (const { index: start } of text.matchAll(beginnings)) {
    if (start < end) continue;
    let [stop, found] = [start, -1];
    trie.prefixes(text, start, (after, index) => {
      [stop, found] = [after, index];
    });
    const token = tokens[found];
    if (!token) continue;
    yield { token, start, stop };
    end = stop;
  }
}

function sections(text: string, finder: Finder, specialsAsText: boolean): Section[] {
  const found: Section[] = [];
  let end = 0;
  for (const { token, ...span } of find(text, finder)) {
    if (specialsAsText && token.special) continue;
    let { start, stop } = span;
    if (token.singleWord && !standsAlone(text, start, stop)) continue;
    if (token.lstrip) while (start > end && SPACE.test(text.charAt(start - 1))) start--;
    if (token.rstrip) while (stop < text.length && SPACE.test(text.charAt(stop))) stop++;
    if (start > end) found.push({ text: text.slice(end, start), atStart: end === 0 });
    found.push(token.id);
    end = stop;
  }
  if (end < text.length) found.push({ text: text.slice(end), atStart: end === 0 });
  return found;
}

/** Whether no word reaches over the span's ends; two units before and after it are a whole character. */
function standsAlone(text: string, start: number, stop: number): boolean {
  return !ENDS_IN_WORD.test(text.slice(Math.max(0, start - 2), start)) && !BEGINS_WITH_WORD.test(text.slice(stop, stop + 2));
}
