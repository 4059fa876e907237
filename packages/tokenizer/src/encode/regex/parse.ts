import { ATOMIC } from './atomic';

/**
 * Regular expressions as trees, from the source that a RegExp with the flag u has: what is needed to tell how long matching can
 * take and to match in linear time. Groups do not capture, since only the extent of a match is asked for.
 */
export type RegexNode =
  | { type: 'char'; source: string }
  | { type: 'sequence'; items: RegexNode[] }
  | { type: 'choice'; options: RegexNode[] }
  | { type: 'repeat'; item: RegexNode; min: number; max: number; isGreedy: boolean }
  | { type: 'atomic'; item: RegexNode }
  | { type: 'look'; isAhead: boolean; isNegative: boolean; item: RegexNode };

/** Groups in groups: readers recurse, and no published pattern goes deeper than four. */
const MAX_DEPTH = 64;

/** Null where the expression has what is not read here: back references, modifiers. The source is one that RegExp accepts. */
export function parseRegex(source: string): RegexNode | null {
  try {
    return new Parser(source).choice(0);
  } catch (error) {
    if (error instanceof Unread) return null;
    throw error;
  }
}

class Unread extends Error {}

class Parser {
  #at = 0;
  readonly #source: string;

  constructor(source: string) {
    this.#source = source;
  }

  choice(depth: number): RegexNode {
    if (depth > MAX_DEPTH) throw new Unread();
    const options = [this.#sequence(depth)];
    while (this.#take('|')) options.push(this.#sequence(depth));
    return options.length === 1 ? (options[0] as RegexNode) : { type: 'choice', options };
  }

  #sequence(depth: number): RegexNode {
    const items: RegexNode[] = [];
    while (this.#at < this.#source.length && !/^[|)]/.test(this.#rest(1))) items.push(this.#quantified(this.#atom(depth)));
    return items.length === 1 ? (items[0] as RegexNode) : { type: 'sequence', items };
  }

  #atom(depth: number): RegexNode {
    const group = /^\((?:\?(?<kind>:|=|!|<=|<!|<\w+>))?/.exec(this.#rest(64));
    if (group) {
      this.#at += group[0].length;
      const kind = group.groups?.kind ?? '';
      const item = this.choice(depth + 1);
      if (!this.#take(')')) throw new Unread();
      if (kind.startsWith(`<${ATOMIC}`)) return { type: 'atomic', item };
      return /^<?[=!]$/.test(kind) ? { type: 'look', isAhead: !kind.startsWith('<'), isNegative: kind.endsWith('!'), item } : item;
    }
    if (this.#take('^')) return edge(false);
    if (this.#take('$')) return edge(true);
    return { type: 'char', source: this.#character() };
  }

  /** One character, escape or class, as it stands in the source. */
  #character(): string {
    const pattern =
      /\\(?:[pP]\{[^}]*\}|u\{[^}]*\}|u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|c[A-Za-z]|[^kbB1-9])|\[(?:\\[\s\S]|[^\]\\])*\]|[^()|*+?{}\\[]/uy;
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#source)?.[0];
    if (found === undefined) throw new Unread();
    this.#at += found.length;
    return found;
  }

  #quantified(item: RegexNode): RegexNode {
    const found = /^(?:[*+?]|\{(?<min>\d+)(?<comma>,)?(?<max>\d+)?\})(?<lazy>\?)?/.exec(this.#rest(64));
    if (!found) return item;
    this.#at += found[0].length;
    const { min = found[0].startsWith('+') ? '1' : '0', comma, max, lazy } = found.groups ?? {};
    const least = Number(min);
    const most = found[0].startsWith('{')
      ? max === undefined
        ? comma
          ? Infinity
          : least
        : Number(max)
      : found[0].startsWith('?')
        ? 1
        : Infinity;
    return { type: 'repeat', item, min: least, max: most, isGreedy: lazy === undefined };
  }

  #take(character: string): boolean {
    if (this.#source[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #rest(length: number): string {
    return this.#source.slice(this.#at, this.#at + length);
  }
}

/** `^` and `$`, as no character before and after. */
const edge = (isAhead: boolean): RegexNode => ({ type: 'look', isAhead, isNegative: true, item: { type: 'char', source: '[^]' } });
