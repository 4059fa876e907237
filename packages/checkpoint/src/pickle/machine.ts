/**
 * Reads a pickle of tensors. Of the language's opcodes (Lib/pickletools.py) it knows those that `torch.save` writes under
 * protocols 2 to 5; every other is refused by name. It never calls, imports or looks up anything: see torch-objects.ts.
 */
import { build, globalOf, reduce, storageOf } from './torch-objects';
import { describeValue, PickleDict, PickleList, type PickleValue, refused } from './values';

/** Values on the stack, in the memo, in dicts and lists, objects in all: beyond any state dict. What needs more is made to fill the memory. */
const MAX_VALUES = 2 ** 20;
/** For the errors: opcodes that make objects, and other ones that torch does not write. */
const REFUSED_NAMES: Readonly<Record<string, string>> = {
  i: 'INST',
  o: 'OBJ',
  P: 'PERSID',
  '\x81': 'NEWOBJ',
  '\x92': 'NEWOBJ_EX',
  '\x82': 'EXT1',
  '\x83': 'EXT2',
  '\x84': 'EXT4',
  '0': 'POP',
  '1': 'POP_MARK',
  '2': 'DUP',
  I: 'INT',
  L: 'LONG',
  F: 'FLOAT',
  S: 'STRING',
  V: 'UNICODE',
  T: 'BINSTRING',
  U: 'SHORT_BINSTRING',
  d: 'DICT',
  l: 'LIST',
  g: 'GET',
  p: 'PUT',
  B: 'BINBYTES',
  C: 'SHORT_BINBYTES',
  '\x8b': 'LONG4',
};

class Machine {
  #at = 0;
  #objects = 0;
  #entries = 0;
  readonly #stack: PickleValue[] = [];
  readonly #marks: number[] = [];
  readonly #memo = new Map<number, PickleValue>();
  readonly #view: DataView;

  constructor(
    readonly where: string,
    readonly bytes: Uint8Array,
  ) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  run(): PickleValue {
    for (;;) {
      const at = this.#at;
      const code = String.fromCharCode(this.uint8());
      if (code === '.') return this.pop();
      const operation = OPERATIONS[code];
      if (!operation) throw this.#unknown(code, at);
      operation(this);
    }
  }

  push(value: PickleValue): void {
    if (this.#stack.length >= MAX_VALUES) throw this.bad('too many values wait on the stack', `at most ${MAX_VALUES}`);
    if (typeof value === 'object' && ++this.#objects > MAX_VALUES) throw this.bad('it holds too many objects', `at most ${MAX_VALUES}`);
    this.#stack.push(value);
  }

  /** Counts what a container takes in: a few bytes can copy a large one again and again. */
  countEntries(count: number): void {
    this.#entries += count;
    if (this.#entries > MAX_VALUES) throw this.bad('its dicts and lists hold too much', `at most ${MAX_VALUES} entries`);
  }

  pop(): PickleValue {
    const value = this.#stack.length > (this.#marks.at(-1) ?? 0) ? this.#stack.pop() : undefined;
    if (value === undefined) throw this.bad('the stack is empty', 'a value');
    return value;
  }

  top(): PickleValue {
    const value = this.pop();
    this.#stack.push(value);
    return value;
  }

  mark(): void {
    if (this.#marks.length >= MAX_VALUES) throw this.bad('too many marks', `at most ${MAX_VALUES}`);
    this.#marks.push(this.#stack.length);
  }

  /** Everything above the last mark. */
  popToMark(): PickleValue[] {
    const start = this.#marks.pop();
    if (start === undefined) throw this.bad('there is no mark', 'a MARK');
    return this.#stack.splice(start);
  }

  remember(key: number = this.#memo.size): void {
    if (this.#memo.size >= MAX_VALUES) throw this.bad('too much is remembered', `at most ${MAX_VALUES} values`);
    this.#memo.set(key, this.top());
  }

  recall(key: number): void {
    const value = this.#memo.get(key);
    if (value === undefined) throw this.bad(`nothing is remembered under ${key}`, 'a value that was');
    this.push(value);
  }

  uint8 = (): number => this.#view.getUint8(this.#take(1));
  uint16 = (): number => this.#view.getUint16(this.#take(2), true);
  uint32 = (): number => this.#view.getUint32(this.#take(4), true);
  int32 = (): number => this.#view.getInt32(this.#take(4), true);
  uint64 = (): number => Number(this.#view.getBigUint64(this.#take(8), true));
  /** The only number that lies big-endian. */
  float64 = (): number => this.#view.getFloat64(this.#take(8));

  /** A two's complement integer of any length, little-endian. */
  integer(length: number): number {
    if (length > 8) throw this.bad('an integer is too large', 'at most 8 bytes');
    const at = this.#take(length);
    let value = 0n;
    for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(this.bytes[at + i] as number);
    const signed = Number(BigInt.asIntN(8 * length, value));
    if (!Number.isSafeInteger(signed)) throw this.bad('an integer is too large', 'one that float64 holds');
    return signed;
  }

  text(length: number): string {
    const at = this.#take(length);
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(this.bytes.subarray(at, at + length));
    } catch {
      throw this.bad('a text is not UTF-8', 'UTF-8');
    }
  }

  line(): string {
    const end = this.bytes.indexOf(0x0a, this.#at);
    if (end < 0) throw this.bad('a line has no end', 'a newline');
    const text = this.text(end - this.#at);
    this.#at = end + 1;
    return text;
  }

  bad(what: string, expected: string, got = `byte ${this.#at}`) {
    return refused(this.where, `the pickle is broken: ${what}.`, expected, got);
  }

  #take(length: number): number {
    const at = this.#at;
    if (!(at + length <= this.bytes.length)) throw this.bad('it ends early', `${length} more bytes`, `${this.bytes.length - at}`);
    this.#at = at + length;
    return at;
  }

  #unknown(code: string, at: number) {
    const name = REFUSED_NAMES[code] ?? `0x${code.charCodeAt(0).toString(16).padStart(2, '0')}`;
    // INST names a class in two lines
    const of = code === 'i' ? ` of \`${shortLine(this.line())}.${shortLine(this.line())}\`` : '';
    const what = `the pickle uses the opcode ${name}${of}; nothing was run.`;
    return refused(this.where, what, 'only opcodes that torch.save writes', `${name} at byte ${at}`);
  }
}

const shortLine = (text: string): string => text.slice(0, 50);

function setItems(machine: Machine, items: readonly PickleValue[]): void {
  const dict = machine.top();
  if (!(dict instanceof PickleDict) || items.length % 2) throw machine.bad('items without a dict', 'a dict and pairs', describeValue(dict));
  machine.countEntries(items.length / 2);
  for (let i = 0; i < items.length; i += 2) {
    const key = items[i];
    if (typeof key !== 'string' && typeof key !== 'number') throw machine.bad('a key is no text', 'text or a number', describeValue(key));
    dict.entries.set(key, items[i + 1] as PickleValue);
  }
}

function appendItems(machine: Machine, items: readonly PickleValue[]): void {
  const list = machine.top();
  if (!(list instanceof PickleList)) throw machine.bad('items without a list', 'a list', describeValue(list));
  machine.countEntries(items.length);
  for (const item of items) list.items.push(item);
}

function stackGlobal(machine: Machine): void {
  const [name, module] = [machine.pop(), machine.pop()];
  if (typeof name !== 'string' || typeof module !== 'string') throw machine.bad('a name is no text', 'text', describeValue(name));
  machine.push(globalOf(machine.where, module, name));
}

const popMany = (machine: Machine, count: number): PickleValue[] => Array.from({ length: count }, () => machine.pop()).reverse();

const OPERATIONS: Readonly<Record<string, ((machine: Machine) => void) | undefined>> = {
  __proto__: null as never,
  '\x80': (m) => void m.uint8(), // PROTO
  '\x95': (m) => void m.uint64(), // FRAME: a hint for reading ahead
  '(': (m) => m.mark(),
  N: (m) => m.push(null),
  '\x88': (m) => m.push(true),
  '\x89': (m) => m.push(false),
  K: (m) => m.push(m.uint8()),
  M: (m) => m.push(m.uint16()),
  J: (m) => m.push(m.int32()),
  '\x8a': (m) => m.push(m.integer(m.uint8())), // LONG1
  G: (m) => m.push(m.float64()),
  '\x8c': (m) => m.push(m.text(m.uint8())), // SHORT_BINUNICODE
  X: (m) => m.push(m.text(m.uint32())),
  '\x8d': (m) => m.push(m.text(m.uint64())), // BINUNICODE8
  ')': (m) => m.push([]),
  '\x85': (m) => m.push(popMany(m, 1)),
  '\x86': (m) => m.push(popMany(m, 2)),
  '\x87': (m) => m.push(popMany(m, 3)),
  t: (m) => m.push(m.popToMark()),
  ']': (m) => m.push(new PickleList()),
  a: (m) => appendItems(m, popMany(m, 1)),
  e: (m) => appendItems(m, m.popToMark()),
  '}': (m) => m.push(new PickleDict()),
  s: (m) => setItems(m, popMany(m, 2)),
  u: (m) => setItems(m, m.popToMark()),
  q: (m) => m.remember(m.uint8()),
  r: (m) => m.remember(m.uint32()),
  '\x94': (m) => m.remember(), // MEMOIZE
  h: (m) => m.recall(m.uint8()),
  j: (m) => m.recall(m.uint32()),
  c: (m) => m.push(globalOf(m.where, m.line(), m.line())),
  '\x93': stackGlobal,
  R: (m) => {
    const [callee, args] = popMany(m, 2) as [PickleValue, PickleValue];
    m.push(reduce(m, callee, args));
  },
  b: (m) => {
    const state = m.pop();
    build(m.where, m.top(), state);
  },
  Q: (m) => m.push(storageOf(m.where, m.pop())), // BINPERSID
};

/**
 * The value that a pickle describes.
 * @throws SsmError FILE where it is broken or asks for anything that is not on the lists above
 */
export const readPickle = (where: string, bytes: Uint8Array): PickleValue => new Machine(where, bytes).run();
