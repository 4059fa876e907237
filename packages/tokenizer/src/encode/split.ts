import { ReplaceNormalizer } from '@huggingface/tokenizers';
import { shown, TokenizerError } from '../errors';
import type { JsonReader } from '../json';
import { checkGrowth } from '../limits';
import { markAtomic } from './regex/atomic';
import { compileRegex, LinearPattern, type Match } from './regex/linear-pattern';
import { isLinearNatively, withoutNeedlessAtomic } from './regex/native-time';
import { parseRegex } from './regex/parse';

/** What becomes of the matches of a pattern when a text is cut by it. */
export const BEHAVIORS = ['Removed', 'Isolated', 'MergedWithPrevious', 'MergedWithNext', 'Contiguous'] as const;
export type Behavior = (typeof BEHAVIORS)[number];

/** What finds matches in time linear in the text, whatever the text: a RegExp with the flags g and u that does, or our own matcher. */
export type Pattern = RegExp | LinearPattern;

const matchesIn = (text: string, pattern: Pattern): Iterable<Match> =>
  pattern instanceof LinearPattern ? pattern.matchAll(text) : text.matchAll(pattern);

/** Whether a span of the text is a match of the pattern or lies between matches. */
interface Span {
  text: string;
  matches: boolean;
}

/**
 * Cuts a text by a pattern; no piece is empty. `invert` lets what lies between the matches count as the match.
 * @throws TokenizerError OPTION where one match has millions of characters, which no JavaScript engine can find
 */
export function cut(text: string, pattern: Pattern, behavior: Behavior, invert = false): string[] {
  try {
    return cutAll(text, pattern, behavior, invert);
  } catch (cause) {
    if (cause instanceof RangeError) throw tooLong(text, cause);
    throw cause;
  }
}

/**
 * All matches of a pattern, one at a time.
 * @throws TokenizerError OPTION as {@link cut}
 */
export function* matchesOf(text: string, pattern: Pattern): Generator<string> {
  try {
    for (const { 0: match } of matchesIn(text, pattern)) yield match;
  } catch (cause) {
    if (cause instanceof RangeError) throw tooLong(text, cause);
    throw cause;
  }
}

function tooLong(text: string, cause: RangeError): TokenizerError {
  return new TokenizerError(
    {
      code: 'OPTION',
      what: 'tokenizer: a text has a word that is too long for regular expressions to find its end.',
      expected: 'words of fewer than a few million characters',
      got: `a text of ${text.length} characters`,
      fix: 'pass the text in pieces',
    },
    { cause },
  );
}

function cutAll(text: string, pattern: Pattern, behavior: Behavior, invert: boolean): string[] {
  if (behavior === 'Isolated') return isolated(text, pattern);
  const spans = spansOf(text, pattern, invert);
  if (behavior === 'Removed') return spans.filter(({ matches }) => !matches).map((span) => span.text);
  if (behavior === 'MergedWithNext') return mergedWithNext(spans);
  const joins =
    behavior === 'Contiguous' ? (now: boolean, before: boolean) => now === before : (now: boolean, before: boolean) => now && !before;
  const pieces: string[] = [];
  let before = false;
  for (const { text: piece, matches } of spans) {
    if (pieces.length > 0 && joins(matches, before)) pieces.push(pieces.pop() + piece);
    else pieces.push(piece);
    before = matches;
  }
  return pieces;
}

/** Matches and what lies between them, each a piece of its own. One call of `match` where the matches leave nothing out. */
function isolated(text: string, pattern: Pattern): string[] {
  if (pattern instanceof LinearPattern) return spansOf(text, pattern, false).map((span) => span.text);
  const matches: string[] = text.match(pattern) ?? [];
  let length = 0;
  for (const match of matches) length += match.length;
  if (length === text.length && !matches.includes('')) return matches;
  return spansOf(text, pattern, false).map((span) => span.text);
}

function spansOf(text: string, pattern: Pattern, invert: boolean): Span[] {
  const spans: Span[] = [];
  let end = 0;
  for (const { 0: match, index } of matchesIn(text, pattern)) {
    if (index > end) spans.push({ text: text.slice(end, index), matches: invert });
    if (match !== '') spans.push({ text: match, matches: !invert });
    end = index + match.length;
  }
  if (end < text.length) spans.push({ text: text.slice(end), matches: invert });
  return spans;
}

function mergedWithNext(spans: readonly Span[]): string[] {
  const pieces: string[] = [];
  let after = false;
  for (const { text: piece, matches } of spans.toReversed()) {
    if (pieces.length > 0 && matches && !after) pieces.push(piece + pieces.pop());
    else pieces.push(piece);
    after = matches;
  }
  return pieces.reverse();
}

/**
 * A text with every match replaced, as long as it stays within a limit.
 * @throws TokenizerError CONFIG where it does not, OPTION as {@link cut}
 */
export function replaceAll(where: string, text: string, pattern: Pattern, content: string, limit: number): string {
  const parts: string[] = [];
  let [end, length] = [0, text.length];
  try {
    for (const { 0: match, index } of matchesIn(text, pattern)) {
      length += content.length - match.length;
      checkGrowth(where, length, limit);
      parts.push(text.slice(end, index), content);
      end = index + match.length;
    }
  } catch (cause) {
    if (cause instanceof RangeError) throw tooLong(text, cause);
    throw cause;
  }
  if (parts.length === 0) return text;
  parts.push(text.slice(end));
  return parts.join('');
}

/**
 * The pattern of a file, `{ "String": … }` or `{ "Regex": … }`, for all its matches. Regular expressions are written for
 * Oniguruma; the library rewrites them for JavaScript. Those with atomic groups and those on which JavaScript's engine may backtrack for ever get ours.
 * @throws TokenizerError FILE, CONFIG
 */
export function readPattern(reader: JsonReader): Pattern {
  const pattern = reader.object('pattern');
  if (pattern.has('String')) return new RegExp(escapeRegExp(pattern.string('String')), 'gu');
  const source = pattern.string('Regex');
  if (source.length > MAX_SOURCE) throw unreadable(pattern.where, source, new Error(`it has more than ${MAX_SOURCE} characters`));
  try {
    const compiled = new ReplaceNormalizer({ type: 'Replace', pattern: { Regex: markAtomic(source) }, content: '' }).pattern;
    if (compiled) return inLinearTime(pattern.where, compiled);
  } catch (cause) {
    if (cause instanceof TokenizerError) throw cause;
    throw unreadable(pattern.where, source, cause);
  }
  throw unreadable(pattern.where, source, undefined);
}

/** Characters of an expression; published ones have up to 600. */
const MAX_SOURCE = 10_000;

function inLinearTime(where: string, compiled: RegExp): Pattern {
  const parsed = parseRegex(compiled.source);
  const tree = parsed && withoutNeedlessAtomic(parsed);
  if (tree && isLinearNatively(tree)) return compiled;
  const program = tree && compileRegex(tree);
  if (program) return new LinearPattern(program);
  throw unreadable(where, compiled.source, new Error('it may take for ever, and is too long or has back references'));
}

function unreadable(where: string, source: string, cause: unknown): TokenizerError {
  const got = `${shown(source)}${cause instanceof Error ? `: ${cause.message}` : ''}`;
  const what = `${where}: the regular expression has no counterpart in JavaScript.`;
  const fix = 'use another tokenizer, or ask for this one in an issue';
  return new TokenizerError({ code: 'CONFIG', what, expected: 'an expression without what only Oniguruma has', got, fix }, { cause });
}

export const escapeRegExp = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
