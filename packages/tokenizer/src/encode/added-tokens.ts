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
  const byForm = new Map<string, AddedToken>();
  for (const token of tokens) {
    const text = form(token.content);
    if (text !== '') byForm.set(text, token);
  }
  if (byForm.size === 0) return (text) => (text === '' ? [] : [{ text, atStart: true }]);
  const longestFirst = [...byForm.keys()].sort((a, b) => b.length - a.length);
  const pattern = new RegExp(longestFirst.map(escapeRegExp).join('|'), 'g');
  return (text, specialsAsText) => sections(text, pattern, byForm, specialsAsText);
}

function sections(text: string, pattern: RegExp, byForm: ReadonlyMap<string, AddedToken>, specialsAsText: boolean): Section[] {
  const found: Section[] = [];
  let end = 0;
  for (const { 0: form, index } of text.matchAll(pattern)) {
    const token = byForm.get(form);
    if (!token || (specialsAsText && token.special)) continue;
    let [start, stop] = [index, index + form.length];
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
