import { JsonNumber } from './json-number';

/**
 * Python's values in JavaScript: int is bigint, float is number, str is string, list is an array, tuple a {@link Tuple}, dict a
 * Map, None is null. What has no counterpart here is refused.
 */
export type Value = undefined | null | boolean | bigint | number | string | Value[] | Dict | Namespace | Callable | Generated;
export type Dict = Map<Value, Value>;
export type Keywords = Map<string, Value>;

export class Tuple extends Array<Value> {}

/** What `range()`, `items()`, `keys()` and `values()` make: it looks like a list to loops and is none. */
export class View extends Array<Value> {
  /** As Python prints it, before the items or instead of them. */
  label = '';
  isIndexed = false;
}

export function viewOf(label: string, items: readonly Value[], isIndexed = false): View {
  const view = new View();
  for (const item of items) view.push(item);
  return Object.assign(view, { label, isIndexed });
}

/** A generator of Python, which filters such as map and select make: always true, without a length, and gone through once. */
export class Generated {
  #items: readonly Value[];

  constructor(items: readonly Value[]) {
    this.#items = items;
  }

  /** The items that are left, which are then gone; with `count`, at most so many. */
  take(count = this.#items.length): readonly Value[] {
    const taken = this.#items.slice(0, count);
    this.#items = this.#items.slice(count);
    return taken;
  }
}

/** A list or a tuple, which can be added, compared and written as JSON. */
export const isList = (value: Value): value is Value[] => Array.isArray(value) && !(value instanceof View);

/** What `namespace()` makes: the one object whose attributes a template may set. */
export class Namespace {
  constructor(readonly members: Map<string, Value>) {}
}

export class Callable {
  constructor(readonly call: (args: Value[], keywords: Keywords) => Value) {}
}

/** What a template does wrong, or what is not supported. */
export class TemplateError extends Error {}

export const tupleOf = (items: readonly Value[]): Tuple => {
  const tuple = new Tuple();
  for (const item of items) tuple.push(item);
  return tuple;
};

/** Levels of a value that comes from outside: reading it recurses. */
const MAX_DEPTH = 200;

/** A value of JavaScript, such as parsed JSON. A number without a fraction is an int, unless `parseChatJson` kept that it is none. */
export function fromJs(value: unknown, depth = 0): Value {
  if (depth > MAX_DEPTH) throw new TemplateError(`a value is nested more than ${MAX_DEPTH} deep`);
  if (value === null || typeof value === 'boolean' || typeof value === 'string' || typeof value === 'bigint') return value;
  if (typeof value === 'number') return Number.isInteger(value) ? BigInt(value) : value;
  if (value instanceof JsonNumber) return value.value;
  if (Array.isArray(value)) return value.map((item) => fromJs(item, depth + 1));
  if (typeof value === 'object') {
    const entries = Object.entries(value).filter(([, item]) => item !== undefined);
    return new Map(entries.map(([key, item]) => [key, fromJs(item, depth + 1)]));
  }
  if (value === undefined) return undefined;
  throw new TemplateError(`a ${typeof value} cannot be given to a template`);
}

export function typeName(value: Value): string {
  if (value === undefined) return 'Undefined';
  if (value === null) return 'NoneType';
  if (value instanceof Tuple) return 'tuple';
  if (value instanceof View) return value.label;
  if (value instanceof Generated) return 'generator';
  if (Array.isArray(value)) return 'list';
  if (value instanceof Map) return 'dict';
  if (value instanceof Namespace) return 'Namespace';
  if (value instanceof Callable) return 'function';
  return { boolean: 'bool', bigint: 'int', number: 'float', string: 'str' }[typeof value as 'boolean' | 'bigint' | 'number' | 'string'];
}

export function isTrue(value: Value): boolean {
  if (typeof value === 'string' || Array.isArray(value)) return value.length > 0;
  if (value instanceof Map) return value.size > 0;
  return Boolean(value);
}

export const isNumber = (value: Value): value is bigint | number | boolean =>
  typeof value === 'bigint' || typeof value === 'number' || typeof value === 'boolean';

/** True and False count as 1 and 0. */
export const plain = (value: bigint | number | boolean): bigint | number => (typeof value === 'boolean' ? BigInt(value) : value);

export function isEqual(a: Value, b: Value): boolean {
  if (isNumber(a) && isNumber(b)) return !(plain(a) < plain(b)) && !(plain(a) > plain(b)) && !Number.isNaN(a) && !Number.isNaN(b);
  if (isList(a) && isList(b))
    return a instanceof Tuple === b instanceof Tuple && a.length === b.length && a.every((item, index) => isEqual(item, b[index]));
  if (a instanceof Map && b instanceof Map)
    return a.size === b.size && [...a].every(([key, item]) => b.has(keyOf(key)) && isEqual(item, b.get(keyOf(key))));
  return a === b;
}

/** Negative, 0 or positive, as Python orders numbers, texts (by code points) and lists. */
export function compare(a: Value, b: Value): number {
  if (isNumber(a) && isNumber(b)) return plain(a) < plain(b) ? -1 : plain(a) > plain(b) ? 1 : 0;
  if (typeof a === 'string' && typeof b === 'string') return compareTexts(a, b);
  if (isList(a) && isList(b) && a instanceof Tuple === b instanceof Tuple) {
    const at = a.findIndex((item, index) => index >= b.length || !isEqual(item, b[index]));
    return at < 0 || at >= b.length ? a.length - b.length : compare(a[at], b[at]);
  }
  throw new TemplateError(`'<' is not supported between ${typeName(a)} and ${typeName(b)}`);
}

function compareTexts(a: string, b: string): number {
  let at = 0;
  while (at < a.length && a.charCodeAt(at) === b.charCodeAt(at)) at++;
  if (at > 0 && (a.charCodeAt(at) & 0xfc00) === 0xdc00) at--;
  return (a.codePointAt(at) ?? -1) - (b.codePointAt(at) ?? -1);
}

/** A key of a dict: texts, ints, None, True and False. */
export function keyOf(value: Value): Value {
  if (typeof value === 'string' || typeof value === 'bigint' || value === null) return value;
  throw new TemplateError(`a ${typeName(value)} as the key of a dict is not supported`);
}

export const hasAstral = (text: string): boolean => /[\ud800-\udfff]/.test(text);

/** Characters, which Python counts as code points. */
export const charactersOf = (text: string): readonly string[] | string => (hasAstral(text) ? Array.from(text) : text);

export function lengthOf(value: Value): number {
  if (value === undefined) return 0;
  if (typeof value === 'string') return charactersOf(value).length;
  if (Array.isArray(value)) return value.length;
  if (value instanceof Map) return value.size;
  throw new TemplateError(`a ${typeName(value)} has no length`);
}

/** What a loop goes through. */
export function itemsOf(value: Value): readonly Value[] {
  if (value === undefined) return [];
  if (typeof value === 'string') return Array.from(value);
  if (Array.isArray(value)) return value;
  if (value instanceof Map) return [...value.keys()];
  if (value instanceof Generated) return value.take();
  throw new TemplateError(`a ${typeName(value)} is not iterable`);
}
