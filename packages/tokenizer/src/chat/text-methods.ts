import { Arguments } from './arguments';
import type { Budget } from './budget';
import { charactersOf, itemsOf, type Keywords, lengthOf, TemplateError, Tuple, tupleOf, type Value } from './values';

/** White space of `str.isspace`; JavaScript's \s has U+FEFF and lacks U+001C to U+001F and U+0085. */
export const SPACE = '[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]';
/** Separators of files, groups and records, which end lines for Python. */
const SEPARATORS = `${String.fromCharCode(0x1c)}-${String.fromCharCode(0x1e)}`;
/** Line ends of `str.splitlines`. */
export const LINE_END = new RegExp(`\\r\\n|[\\n\\r\\v\\f${SEPARATORS}\\x85\\u2028\\u2029]`);

interface Method {
  names: readonly string[];
  run(text: string, given: Arguments, budget: Budget): Value;
}

/** Takes characters off the ends: white space, or those of a text. */
export function strip(text: string, characters: string | null, sides: 'both' | 'left' | 'right'): string {
  const isStripped =
    characters === null ? (one: string) => ONE_SPACE.test(one) : (one: string) => characters !== '' && Array.from(characters).includes(one);
  const all = Array.from(text);
  let [start, end] = [0, all.length];
  if (sides !== 'right') while (start < end && isStripped(all[start] as string)) start++;
  if (sides !== 'left') while (end > start && isStripped(all[end - 1] as string)) end--;
  return all.slice(start, end).join('');
}
const ONE_SPACE = new RegExp(`^${SPACE}$`);
const SPACES = new RegExp(`${SPACE}+`);

const stripMethod = (sides: 'both' | 'left' | 'right'): Method => ({
  names: ['chars'],
  run: (text, given) => strip(text, given.isNone('chars') ? null : given.text('chars'), sides),
});

export const capitalize = (text: string): string => {
  const [first = '', ...rest] = Array.from(text);
  return titleOf(first) + rest.join('').toLowerCase();
};

/** JavaScript has no title case: ß, ŉ and digraphs would come out wrong. */
const titleOf = (character: string): string => {
  if (/^[\u01c4-\u01cc\u01f1-\u01f3\u1f80-\u1fff]$/.test(character)) throw new TemplateError(`title case of ${character} is not supported`);
  const upper = character.toUpperCase();
  const [first = '', ...rest] = Array.from(upper);
  return first + rest.join('').toLowerCase();
};

/** `str.title`: the first letter of each run of letters. */
const title = (text: string): string => text.replace(/\p{L}+/gu, (word) => capitalize(word));

function split(text: string, given: Arguments): Value[] {
  const most = given.int('maxsplit', -1);
  if (!given.isNone('sep')) return splitBy(text, given.text('sep'), most);
  const parts: string[] = [];
  let rest = strip(text, null, 'left');
  while (rest !== '' && (most < 0 || parts.length < most)) {
    const [word = ''] = rest.split(SPACES, 1);
    parts.push(word);
    rest = strip(rest.slice(word.length), null, 'left');
  }
  return rest === '' ? parts : [...parts, rest];
}

function splitBy(text: string, separator: string, most: number): string[] {
  if (separator === '') throw new TemplateError('split: empty separator');
  const parts = text.split(separator);
  return most < 0 || parts.length <= most ? parts : [...parts.slice(0, most), parts.slice(most).join(separator)];
}

function rsplit(text: string, given: Arguments): Value[] {
  const most = given.int('maxsplit', -1);
  if (most < 0) return split(text, given);
  if (given.isNone('sep')) throw new TemplateError('rsplit with maxsplit and without a separator is not supported');
  const parts = splitBy(text, given.text('sep'), -1);
  const cut = Math.max(0, parts.length - most - 1);
  return [parts.slice(0, cut + 1).join(given.text('sep')), ...parts.slice(cut + 1)];
}

function splitLines(text: string, keeps: boolean): string[] {
  const lines: string[] = [];
  for (let rest = text; rest !== ''; ) {
    const found = LINE_END.exec(rest);
    const end = found ? found.index + found[0].length : rest.length;
    lines.push(keeps || !found ? rest.slice(0, end) : rest.slice(0, found.index));
    rest = rest.slice(end);
  }
  return lines;
}

export function replaceText(text: string, from: string, to: string, most: number, budget: Budget): string {
  const parts = from === '' ? ['', ...Array.from(text), ''] : text.split(from);
  const kept = most < 0 ? parts.length - 1 : Math.min(most, parts.length - 1);
  budget.make(text.length + kept * Math.max(0, to.length - from.length));
  const rest = parts.slice(kept).join(from);
  return kept === 0 ? text : parts.slice(0, kept).join(to) + to + rest;
}

const hasAffix = (test: (text: string, affix: string) => boolean): Method => ({
  names: ['affix'],
  run: (text, given) => {
    const affix = given.value('affix');
    if (affix instanceof Tuple) return affix.some((one) => typeof one === 'string' && test(text, one));
    return test(text, given.text('affix'));
  },
});

/** Where a text stands in another, in code points; −1 where it does not. */
function find(text: string, part: string, isLast: boolean): bigint {
  const at = isLast ? text.lastIndexOf(part) : text.indexOf(part);
  return BigInt(at < 0 ? -1 : lengthOf(text.slice(0, at)));
}

const finder = (isLast: boolean): Method => ({ names: ['sub'], run: (text, given) => find(text, given.text('sub'), isLast) });

const every = (pattern: RegExp): Method => ({ names: [], run: (text) => pattern.test(text) });
const cased = (change: (text: string) => string): Method => ({
  names: [],
  run: (text) => text === change(text) && text.toLowerCase() !== text.toUpperCase(),
});

export function pad(text: string, width: number, fill: string, side: 'left' | 'right' | 'both', budget: Budget): string {
  const missing = width - charactersOf(text).length;
  if (missing <= 0) return text;
  budget.make(width);
  if (side === 'left') return fill.repeat(missing) + text;
  if (side === 'right') return text + fill.repeat(missing);
  const left = Math.floor(missing / 2) + (missing & width & 1);
  return fill.repeat(left) + text + fill.repeat(missing - left);
}

const padder = (side: 'left' | 'right' | 'both'): Method => ({
  names: ['width', 'fillchar'],
  run: (text, given, budget) => pad(text, given.int('width'), given.text('fillchar', ' '), side, budget),
});

function zeroFilled(text: string, width: number, budget: Budget): string {
  const sign = /^[+-]/.exec(text)?.[0] ?? '';
  return sign + pad(text.slice(sign.length), width - sign.length, '0', 'left', budget);
}

function joinItems(separator: string, items: Value, budget: Budget): string {
  const parts = itemsOf(items);
  let length = 0;
  for (const part of parts) {
    if (typeof part !== 'string') throw new TemplateError('join: an item is no str');
    length += part.length + separator.length;
  }
  budget.make(length);
  return (parts as string[]).join(separator);
}

const METHODS: Readonly<Record<string, Method>> = {
  upper: { names: [], run: (text) => text.toUpperCase() },
  lower: { names: [], run: (text) => text.toLowerCase() },
  title: { names: [], run: title },
  capitalize: { names: [], run: capitalize },
  strip: stripMethod('both'),
  lstrip: stripMethod('left'),
  rstrip: stripMethod('right'),
  split: { names: ['sep', 'maxsplit'], run: split },
  rsplit: { names: ['sep', 'maxsplit'], run: rsplit },
  splitlines: { names: ['keepends'], run: (text, given) => splitLines(text, given.flag('keepends', false)) },
  replace: {
    names: ['old', 'new', 'count'],
    run: (text, given, budget) => replaceText(text, given.text('old'), given.text('new'), given.int('count', -1), budget),
  },
  startswith: hasAffix((text, affix) => text.startsWith(affix)),
  endswith: hasAffix((text, affix) => text.endsWith(affix)),
  removeprefix: {
    names: ['prefix'],
    run: (text, given) => (text.startsWith(given.text('prefix')) ? text.slice(given.text('prefix').length) : text),
  },
  removesuffix: {
    names: ['suffix'],
    run: (text, given) =>
      given.text('suffix') !== '' && text.endsWith(given.text('suffix')) ? text.slice(0, -given.text('suffix').length) : text,
  },
  find: finder(false),
  rfind: finder(true),
  index: {
    names: ['sub'],
    run: (text, given) => {
      const at = find(text, given.text('sub'), false);
      if (at < 0n) throw new TemplateError('index: substring not found');
      return at;
    },
  },
  count: {
    names: ['sub'],
    run: (text, given) => BigInt(given.text('sub') === '' ? lengthOf(text) + 1 : text.split(given.text('sub')).length - 1),
  },
  join: { names: ['iterable'], run: (text, given, budget) => joinItems(text, given.value('iterable'), budget) },
  partition: {
    names: ['sep'],
    run: (text, given) => {
      const separator = given.text('sep');
      const at = text.indexOf(separator);
      return tupleOf(at < 0 ? [text, '', ''] : [text.slice(0, at), separator, text.slice(at + separator.length)]);
    },
  },
  isdigit: every(/^[\p{Nd}\u00b2\u00b3\u00b9\u2070\u2074-\u2079\u2080-\u2089\u2460-\u2468]+$/u),
  isalpha: every(/^\p{L}+$/u),
  isalnum: every(/^[\p{L}\p{N}]+$/u),
  isspace: every(new RegExp(`^${SPACE}+$`)),
  isupper: cased((text) => text.toUpperCase()),
  islower: cased((text) => text.toLowerCase()),
  ljust: padder('right'),
  rjust: padder('left'),
  center: padder('both'),
  zfill: { names: ['width'], run: (text, given, budget) => zeroFilled(text, given.int('width'), budget) },
};

/** A method of str, or undefined. */
export function textMethod(text: string, name: string, budget: Budget): ((args: Value[], keywords: Keywords) => Value) | undefined {
  const method = Object.hasOwn(METHODS, name) ? METHODS[name] : undefined;
  if (!method) return undefined;
  return (args, keywords) => {
    budget.spend(text.length);
    return method.run(text, new Arguments(`str.${name}`, method.names, args, keywords), budget);
  };
}
