import type { RegexNode } from './parse';

/**
 * Whether JavaScript's own engine, which backtracks, finds all matches in time linear in the text, whatever the text.
 *
 * An alternative of the expression may hold single characters, groups with few ways to match (at most {@link MAX_WAYS}), and runs:
 * greedy repetitions of one class of characters. What can fail after one run makes the engine go through the run in vain, from
 * each of its characters on, unless another alternative then takes a run of all these characters at once: in
 * `\s+(?!\S)|\s+` the second. So every run is walked a bounded number of times. The patterns of GPT-2, GPT-4, o200k, Llama 3,
 * Qwen and DeepSeek are of this form; `(a+)+$` and `a+$` are not.
 */
export function isLinearNatively(regex: RegexNode): boolean {
  const options = (regex.type === 'choice' ? regex.options : [regex]).map(itemsOf);
  return options.every((items, at) => takesLinearTime(items, at, options));
}

/**
 * The expression without the atomic groups that change no match, such as those of `[^\r\n\p{L}]?+\p{L}+` and of ` ?\p{P}++[\r\n]*`:
 * what they hold repeats one class of characters, and what follows cannot fail, or begins with another character.
 */
export function withoutNeedlessAtomic(regex: RegexNode): RegexNode {
  if (regex.type === 'choice') return { type: 'choice', options: regex.options.map(withoutNeedlessAtomic) };
  const items = itemsOf(regex);
  return {
    type: 'sequence',
    items: items.map((item, at) => (item.type === 'atomic' && isNeedless(item.item, items.slice(at + 1)) ? item.item : item)),
  };
}

function isNeedless(item: RegexNode, rest: readonly RegexNode[]): boolean {
  if (item.type !== 'repeat' || item.item.type !== 'char' || !item.isGreedy) return false;
  if (lastFailing(rest) < 0) return true;
  const next = rest[0]?.type === 'atomic' ? rest[0].item : rest[0];
  const first = next?.type === 'repeat' && next.min > 0 ? next.item : next;
  return first?.type === 'char' && !meets(first.source, item.item.source);
}

/** Ways in which a group may match; the engine may try them all at each place. */
const MAX_WAYS = 64;

const itemsOf = (node: RegexNode): RegexNode[] => (node.type === 'sequence' ? node.items.flatMap(itemsOf) : [node]);

function takesLinearTime(items: readonly RegexNode[], at: number, options: readonly (readonly RegexNode[])[]): boolean {
  if (!items.every((item) => runOf(item) !== null || waysOf(item) <= MAX_WAYS)) return false;
  if (items.reduce((ways, item) => ways * (runOf(item) ? 1 : waysOf(item)), 1) > MAX_WAYS) return false;
  const before = items.slice(0, lastFailing(items)).flatMap((item) => runOf(item) ?? []);
  const [run, second] = before;
  if (run === undefined) return true;
  if (second !== undefined) return false;
  const cover = options.findIndex((others) => covers(others, run, true));
  return cover >= 0 && options.slice(at + 1, cover).every((others) => covers(others, run, false));
}

/** The class of a greedy run without an upper bound, or null. */
function runOf(node: RegexNode): string | null {
  const isRun = node.type === 'repeat' && node.item.type === 'char' && node.isGreedy && node.min <= MAX_WAYS && node.max > MAX_WAYS;
  return isRun && node.item.type === 'char' ? node.item.source : null;
}

/** In how many ways a node may match at one place; infinite where it has a run. */
function waysOf(node: RegexNode): number {
  switch (node.type) {
    case 'char':
      return 1;
    case 'sequence':
      return node.items.reduce((ways, item) => ways * waysOf(item), 1);
    case 'choice':
      return node.options.reduce((ways, option) => ways + waysOf(option), 0);
    case 'repeat':
      if (node.min > MAX_WAYS) return Infinity; // one way, and as many steps
      return node.item.type === 'char' ? node.max - node.min + 1 : (waysOf(node.item) + 1) ** node.max;
    case 'atomic':
      return Infinity; // JavaScript's engine has none
    case 'look':
      return waysOf(node.item);
  }
}

/** The index of the last item that may fail to match; −1 where none may. */
const lastFailing = (items: readonly RegexNode[]): number => items.findLastIndex((item) => !isOptional(item));

function isOptional(node: RegexNode): boolean {
  if (node.type === 'repeat') return node.min === 0 || isOptional(node.item);
  if (node.type === 'atomic') return isOptional(node.item);
  if (node.type === 'choice') return node.options.some(isOptional);
  return node.type === 'sequence' && node.items.every(isOptional);
}

/** Whether an alternative begins, maybe after optional items, with a run of all characters of a class; `surely` without failing later. */
function covers(items: readonly RegexNode[], run: string, surely: boolean): boolean {
  const first = items.findIndex((item) => !isOptional(item) || runOf(item) !== null);
  const item = items[first];
  const own = item ? runOf(item) : null;
  if (own === null || item?.type !== 'repeat' || (surely && (item.min !== 1 || lastFailing(items) !== first))) return false;
  return own === run || includesClass(own, run);
}

let allCharacters: string | undefined;

/** Whether one class of characters holds all of another. */
const includesClass = (outer: string, inner: string): boolean => !someCharacterIs(`(?!${outer})${inner}`);

/** Whether two classes have a character in common. */
const meets = (one: string, other: string): boolean => someCharacterIs(`(?=${one})${other}`);

function someCharacterIs(source: string): boolean {
  allCharacters ??= everyCharacter();
  return new RegExp(source, 'u').test(allCharacters);
}

function everyCharacter(): string {
  const parts: string[] = [];
  for (let start = 0; start < 0x110000; start += 0x1000) {
    const points = Array.from({ length: 0x1000 }, (_, index) => start + index);
    parts.push(String.fromCodePoint(...points.filter((point) => point < 0xd800 || point > 0xdfff)));
  }
  return parts.join('');
}
