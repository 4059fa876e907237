import type { RegexNode } from './parse';

/** A match: its text and where it begins. */
export interface Match {
  0: string;
  index: number;
}

/**
 * All matches of an expression in time and memory linear in the text, for those on which JavaScript's engine may take for ever:
 * backtracking that never tries one state at one place twice, as BitState of RE2. Without captures a state at a place that once
 * failed always fails, so what is known of failures holds from match to match. Matches are those of the RegExp.
 */
export class LinearPattern {
  readonly #program: Program;

  constructor(program: Program) {
    this.#program = program;
  }

  /** @throws RangeError where text and expression together are too long */
  *matchAll(text: string): Generator<Match> {
    const matcher = new Matcher(this.#program, text);
    for (let start = 0; start <= text.length; ) {
      const end = matcher.endOf(start);
      if (end >= 0) yield { 0: text.slice(start, end), index: start };
      start = end > start ? end : start + ((text.codePointAt(start) ?? 0) > 0xffff ? 2 : 1);
    }
  }
}

/** An instruction: a character, a choice of which `next` is tried first, a body that gives nothing back, a look-around, or the end of an expression. */
type Instruction =
  | { op: 'char'; accepts: (point: number) => boolean; next: number }
  | { op: 'split'; next: number; other: number }
  | { op: 'atomic'; body: number; next: number }
  | { op: 'ahead'; body: number; isNegative: boolean; next: number }
  | { op: 'behind'; accepts: (point: number) => boolean; isNegative: boolean; next: number }
  | { op: 'end' };

export interface Program {
  code: readonly Instruction[];
  start: number;
}

/** Instructions of a program, which is what a character of text may cost. Published patterns have some 50. */
const MAX_CODE = 4096;
/** Bits of memory for a text: 64 MB. */
const MAX_BITS = 2 ** 29;

/** Null where the expression is too long, or looks behind for more than one character. */
export function compileRegex(regex: RegexNode): Program | null {
  const code: Instruction[] = [{ op: 'end' }];
  const classes = new Map<string, (point: number) => boolean>();
  const emit = (instruction: Instruction): number => {
    if (code.length >= MAX_CODE) throw new TooLong();
    return code.push(instruction) - 1;
  };
  const accepts = (source: string) => {
    const known = classes.get(source) ?? classTest(source);
    classes.set(source, known);
    return known;
  };
  /** Emits a node before the instruction `next`, and returns where it begins. */
  const before = (node: RegexNode, next: number): number => {
    switch (node.type) {
      case 'char':
        return emit({ op: 'char', accepts: accepts(node.source), next });
      case 'sequence':
        return node.items.reduceRight((after, item) => before(item, after), next);
      case 'choice':
        return node.options.map((option) => before(option, next)).reduceRight((other, first) => emit({ op: 'split', next: first, other }));
      case 'repeat':
        return repeated(node, next);
      case 'atomic':
        return emit({ op: 'atomic', body: before(node.item, 0), next });
      case 'look':
        if (node.isAhead) return emit({ op: 'ahead', body: before(node.item, 0), isNegative: node.isNegative, next });
        if (node.item.type !== 'char') throw new TooLong();
        return emit({ op: 'behind', accepts: accepts(node.item.source), isNegative: node.isNegative, next });
    }
  };
  const repeated = ({ item, min, max, isGreedy }: RegexNode & { type: 'repeat' }, next: number): number => {
    const branch = (body: number, exit: number): number =>
      emit(isGreedy ? { op: 'split', next: body, other: exit } : { op: 'split', next: exit, other: body });
    let start = next;
    if (max === Infinity) {
      start = branch(0, next);
      const body = before(item, start);
      code[start] = isGreedy ? { op: 'split', next: body, other: next } : { op: 'split', next, other: body };
    } else for (let copy = min; copy < max; copy++) start = branch(before(item, start), next);
    for (let copy = 0; copy < min; copy++) start = before(item, start);
    return start;
  };
  try {
    return { start: before(regex, 0), code };
  } catch (error) {
    if (error instanceof TooLong) return null;
    throw error;
  }
}

class TooLong extends Error {}

/** Whether a character is of a class, remembered for those of two bytes. */
function classTest(source: string): (point: number) => boolean {
  const pattern = new RegExp(`^${source}$`, 'u');
  const known = new Int8Array(2 ** 16);
  return (point) => {
    if (point > 0xffff) return pattern.test(String.fromCodePoint(point));
    if (known[point] === 0) known[point] = pattern.test(String.fromCharCode(point)) ? 1 : -1;
    return known[point] === 1;
  };
}

class Matcher {
  readonly #code: readonly Instruction[];
  readonly #start: number;
  readonly #text: string;
  /** A bit for each state at each place: it was tried and failed, or is being tried. */
  readonly #failed: Uint32Array;
  /** Where the bodies of look-aheads and atomic groups end, by state and place, where they are known to succeed. */
  readonly #ends = new Map<number, number>();

  constructor({ code, start }: Program, text: string) {
    const bits = code.length * (text.length + 1);
    if (bits > MAX_BITS) throw new RangeError('the text is too long for the expression');
    this.#code = code;
    this.#start = start;
    this.#text = text;
    this.#failed = new Uint32Array((bits >>> 5) + 1);
  }

  /** The end of the match that begins at a place, or −1. */
  endOf(start: number): number {
    return this.#run(this.#start, start, false);
  }

  #run(first: number, start: number, isBody: boolean): number {
    const trail: number[] = []; // keys of the states that led here
    const pending = [first, start, 0]; // state, place, length of its trail
    while (pending.length > 0) {
      trail.length = pending.pop() as number;
      let place = pending.pop() as number;
      let state = pending.pop() as number;
      while (state >= 0) {
        const instruction = this.#code[state] as Instruction;
        const key = state * (this.#text.length + 1) + place;
        const end = instruction.op === 'end' ? place : isBody ? this.#ends.get(key) : undefined;
        if (instruction.op === 'end' || end !== undefined) return this.#succeed(trail, end ?? place, isBody);
        if (has(this.#failed, key)) break;
        add(this.#failed, key);
        trail.push(key);
        if (instruction.op === 'split') pending.push(instruction.other, place, trail.length);
        const passed = this.#pass(instruction, place);
        if (passed < 0) break;
        place = passed;
        state = instruction.next;
      }
    }
    return -1;
  }

  /** The place after an instruction, or −1 where it fails. */
  #pass(instruction: Exclude<Instruction, { op: 'end' }>, place: number): number {
    switch (instruction.op) {
      case 'split':
        return place;
      case 'char': {
        const point = this.#text.codePointAt(place);
        return point !== undefined && instruction.accepts(point) ? place + (point > 0xffff ? 2 : 1) : -1;
      }
      case 'atomic':
        return this.#run(instruction.body, place, true);
      case 'ahead':
        return this.#run(instruction.body, place, true) >= 0 === instruction.isNegative ? -1 : place;
      case 'behind': {
        const point = pointBefore(this.#text, place);
        return (point !== undefined && instruction.accepts(point)) === instruction.isNegative ? -1 : place;
      }
    }
  }

  /** States on the way to a match have not failed. */
  #succeed(trail: readonly number[], place: number, isBody: boolean): number {
    for (const key of trail) {
      this.#failed[key >>> 5] = (this.#failed[key >>> 5] as number) & ~(1 << (key & 31));
      if (isBody) this.#ends.set(key, place);
    }
    return place;
  }
}

const has = (bits: Uint32Array, key: number): boolean => (((bits[key >>> 5] ?? 0) >>> (key & 31)) & 1) === 1;

const add = (bits: Uint32Array, key: number): void => {
  bits[key >>> 5] = (bits[key >>> 5] as number) | (1 << (key & 31));
};

function pointBefore(text: string, place: number): number | undefined {
  if (place === 0) return undefined;
  const before = text.codePointAt(place - 2);
  return place > 1 && before !== undefined && before > 0xffff ? before : text.charCodeAt(place - 1);
}
