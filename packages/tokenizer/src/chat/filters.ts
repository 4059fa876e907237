import { Arguments } from './arguments';
import type { Budget } from './budget';
import { jsonFilter } from './json-filter';
import { contains, entriesOf, formatted } from './operators';
import { str } from './print';
import { runTest } from './tests';
import { capitalize, LINE_END, pad, replaceText, strip, textMethod } from './text-methods';
import {
  compare,
  Generated,
  isEqual,
  isNumber,
  isTrue,
  itemsOf,
  type Keywords,
  lengthOf,
  plain,
  TemplateError,
  tupleOf,
  typeName,
  type Value,
} from './values';

export interface FilterContext {
  budget: Budget;
  /** `object.name` and `object[name]` of the template. */
  attribute(object: Value, path: string, fallback?: Value): Value;
}

interface Filter {
  names: readonly string[];
  run(value: Value, given: Arguments, context: FilterContext): Value;
}

const simple = (run: (value: Value, context: FilterContext) => Value): Filter => ({
  names: [],
  run: (value, _, context) => run(value, context),
});

const items = (value: Value, { budget }: FilterContext): readonly Value[] => {
  const list = itemsOf(value);
  budget.spend(list.length);
  return list;
};

/** Filters of texts are `str(value)` and a method of str. */
const method = (name: string): Filter => simple((value, { budget }) => textMethod(str(value), name, budget)?.([], new Map()));

/** How sort, unique, min and max see an item: an attribute of it, in lower case unless asked otherwise. */
function keyer(given: Arguments, context: FilterContext): (item: Value) => Value {
  const isExact = given.flag('case_sensitive', false);
  const path = given.isNone('attribute') ? null : String(given.value('attribute'));
  return (item) => {
    const key = path === null ? item : context.attribute(item, path);
    return typeof key === 'string' && !isExact ? key.toLowerCase() : key;
  };
}

function sorted(list: readonly Value[], key: (item: Value) => Value, isReversed: boolean): Value[] {
  const keyed = list.map((item) => ({ item, key: key(item) }));
  keyed.sort((a, b) => (isReversed ? compare(b.key, a.key) : compare(a.key, b.key)));
  return keyed.map(({ item }) => item);
}

function extreme(value: Value, given: Arguments, context: FilterContext, sign: number): Value {
  const key = keyer(given, context);
  const [first, ...rest] = items(value, context);
  return rest.reduce((best, item) => (sign * compare(key(item), key(best)) > 0 ? item : best), first);
}

function unique(value: Value, given: Arguments, context: FilterContext): Value {
  const key = keyer(given, context);
  const seen: Value[] = [];
  const chosen = items(value, context).filter((item) => {
    const own = key(item);
    if (contains(seen, own, context.budget)) return false;
    seen.push(own);
    return true;
  });
  return new Generated(chosen);
}

/** select, reject, selectattr and rejectattr: the name of a test and its arguments follow. */
function selection(keeps: boolean, byAttribute: boolean) {
  return (value: Value, args: Value[], context: FilterContext): Value => {
    const [path, name, ...rest] = byAttribute ? args : ['', ...args];
    const isNamed = args.length > (byAttribute ? 1 : 0);
    const chosen = items(value, context).filter((item) => {
      const tested = byAttribute ? context.attribute(item, String(path)) : item;
      const passes = isNamed ? runTest(textOf(name), tested, rest, context.budget) : isTrue(tested);
      return passes === keeps;
    });
    return new Generated(chosen);
  };
}

/** The name of a filter or test. */
function textOf(name: Value): string {
  if (typeof name === 'string') return name;
  throw new TemplateError(`a ${typeName(name)} names no filter and no test`);
}

function mapped(value: Value, args: Value[], keywords: Keywords, context: FilterContext): Value {
  const list = items(value, context);
  if (args.length === 0) {
    const given = new Arguments('map', ['attribute', 'default'], [], keywords);
    const path = String(given.value('attribute'));
    const fallback = given.has('default') ? given.value('default') : undefined;
    return new Generated(list.map((item) => context.attribute(item, path, fallback)));
  }
  const [name, ...rest] = args;
  return new Generated(list.map((item) => applyFilter(textOf(name), item, rest, keywords, context)));
}

/** Python's int() and float() of a text; JavaScript reads others. */
const INTEGER = /^[+-]?\d+(?:_\d+)*$/;
const FLOAT = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;

function toInt(value: Value, given: Arguments): Value {
  if (given.has('base')) throw new TemplateError('int with a base is not supported');
  const trimmed = typeof value === 'string' ? strip(value, null, 'both') : value;
  if (typeof trimmed === 'string' && INTEGER.test(trimmed)) return BigInt(trimmed.replaceAll('_', '').replace(/^\+/, ''));
  const number = typeof trimmed === 'string' && FLOAT.test(trimmed) ? Number(trimmed) : trimmed;
  if (isNumber(number) && Number.isFinite(Number(number))) return typeof number === 'number' ? BigInt(Math.trunc(number)) : plain(number);
  return given.value('default', 0n);
}

function toFloat(value: Value, given: Arguments): Value {
  const trimmed = typeof value === 'string' ? strip(value, null, 'both') : value;
  if (typeof trimmed === 'string' && FLOAT.test(trimmed)) return Number(trimmed);
  return isNumber(trimmed) ? Number(trimmed) : given.value('default', 0);
}

/** Rounds to the nearer number, and from the middle to the even one. */
function rounded(value: Value, given: Arguments): Value {
  if (!isNumber(value)) throw new TemplateError(`a ${typeName(value)} cannot be rounded`);
  const [digits, kind] = [given.int('precision', 0), given.text('method', 'common')];
  if (typeof value !== 'number' && kind === 'common' && digits >= 0) return plain(value);
  const number = Number(value);
  if (digits < 0 || digits > 15 || Math.abs(number) > 2 ** 53) throw new TemplateError('round is not supported for such numbers');
  if (kind !== 'common') return (kind === 'ceil' ? Math.ceil : Math.floor)(number * 10 ** digits) / 10 ** digits;
  const scaled = number * 10 ** digits;
  const isTie = Number.isInteger(2 * scaled) && !Number.isInteger(scaled) && Number.isInteger(number * 2 ** 20);
  if (isTie) return (2 * Math.round(scaled / 2)) / 10 ** digits;
  return Number(number.toFixed(digits));
}

function indented(value: Value, given: Arguments, { budget }: FilterContext): string {
  const width = given.value('width', 4n);
  const indent = typeof width === 'string' ? width : ' '.repeat(Math.max(0, Math.min(given.int('width', 4), 2 ** 16)));
  const lines = `${str(value)}\n`.split(LINE_END).slice(0, -1);
  budget.make(str(value).length + lines.length * indent.length);
  const [first = '', ...rest] = lines;
  const isBlank = given.flag('blank', false);
  const body = [first, ...rest.map((line) => (line !== '' || isBlank ? indent + line : line))].join('\n');
  return given.flag('first', false) ? indent + body : body;
}

function joined(value: Value, given: Arguments, context: FilterContext): string {
  const path = given.isNone('attribute') ? null : String(given.value('attribute'));
  const parts = items(value, context).map((item) => str(path === null ? item : context.attribute(item, path)));
  const separator = given.text('d', '');
  context.budget.make(parts.reduce((sum, { length }) => sum + length + separator.length, 0));
  return parts.join(separator);
}

function batches(value: Value, given: Arguments, context: FilterContext): Value {
  const [list, size] = [items(value, context), Math.max(1, given.int('linecount'))];
  const lists: Value[][] = [];
  for (let at = 0; at < list.length; at += size) lists.push(list.slice(at, at + size));
  const last = lists.at(-1);
  if (last && !given.isNone('fill_with')) {
    context.budget.make(size);
    while (last.length < size) last.push(given.value('fill_with'));
  }
  return new Generated(lists);
}

function grouped(value: Value, given: Arguments, context: FilterContext): Value {
  const path = String(given.value('attribute'));
  const groups: Value[][] = [];
  let last: Value;
  for (const item of sorted(items(value, context), (one) => context.attribute(one, path), false)) {
    const key = context.attribute(item, path);
    if (typeof key === 'string' && key !== key.toLowerCase()) throw new TemplateError('groupby of texts with capitals is not supported');
    const group = groups.at(-1);
    if (group && isEqual(key, last)) (group[1] as Value[]).push(item);
    else groups.push([key, [item]]);
    last = key;
  }
  return groups.map(tupleOf);
}

function total(value: Value, given: Arguments, context: FilterContext): Value {
  const path = given.isNone('attribute') ? null : String(given.value('attribute'));
  return items(value, context).reduce(
    (sum: Value, item) => {
      const own = path === null ? item : context.attribute(item, path);
      if (!isNumber(sum) || !isNumber(own)) throw new TemplateError('sum of what is no number is not supported');
      const [a, b] = [plain(sum), plain(own)];
      return typeof a === 'bigint' && typeof b === 'bigint' ? a + b : Number(a) + Number(b);
    },
    given.value('start', 0n),
  );
}

const KEYED = ['case_sensitive', 'attribute'];
const defaulted: Filter = {
  names: ['default_value', 'boolean'],
  run: (value, given) =>
    value === undefined || (given.flag('boolean', false) && !isTrue(value)) ? given.value('default_value', '') : value,
};

const FILTERS: Readonly<Record<string, Filter>> = {
  abs: simple((value) => {
    if (!isNumber(value)) throw new TemplateError(`a ${typeName(value)} has no absolute value`);
    const number = plain(value);
    return number < 0 ? -number : number;
  }),
  batch: { names: ['linecount', 'fill_with'], run: batches },
  capitalize: simple((value) => capitalize(str(value))),
  center: { names: ['width'], run: (value, given, { budget }) => pad(str(value), given.int('width', 80), ' ', 'both', budget) },
  count: simple((value) => BigInt(lengthOf(value))),
  d: defaulted,
  default: defaulted,
  dictsort: {
    names: ['case_sensitive', 'by', 'reverse'],
    run: (value, given) => {
      if (!(value instanceof Map)) throw new TemplateError('dictsort wants a dict');
      const at = given.text('by', 'key') === 'key' ? 0 : 1;
      const isExact = given.flag('case_sensitive', false);
      const key = (entry: Value): Value => {
        const own = (entry as Value[])[at];
        return typeof own === 'string' && !isExact ? own.toLowerCase() : own;
      };
      return sorted(entriesOf(value), key, given.flag('reverse', false));
    },
  },
  first: simple((value, context) => (value instanceof Generated ? value.take(1) : items(value, context))[0]),
  float: { names: ['default'], run: toFloat },
  groupby: { names: ['attribute'], run: grouped },
  indent: { names: ['width', 'first', 'blank'], run: indented },
  int: { names: ['default', 'base'], run: toInt },
  items: simple((value) => {
    if (value === undefined) return new Generated([]);
    if (value instanceof Map) return new Generated(entriesOf(value));
    throw new TemplateError('items wants a dict');
  }),
  join: { names: ['d', 'attribute'], run: joined },
  last: simple((value, context) => {
    if (value instanceof Generated) throw new TemplateError('a generator has no last item');
    return items(value, context).at(-1);
  }),
  length: simple((value) => BigInt(lengthOf(value))),
  list: simple((value, context) => [...items(value, context)]),
  lower: method('lower'),
  max: { names: KEYED, run: (value, given, context) => extreme(value, given, context, 1) },
  min: { names: KEYED, run: (value, given, context) => extreme(value, given, context, -1) },
  replace: {
    names: ['old', 'new', 'count'],
    run: (value, given, { budget }) =>
      replaceText(str(value), str(given.value('old')), str(given.value('new')), given.isNone('count') ? -1 : given.int('count'), budget),
  },
  reverse: simple((value, context) => {
    const list = items(value, context).toReversed();
    return typeof value === 'string' ? (list as string[]).join('') : new Generated(list);
  }),
  round: { names: ['precision', 'method'], run: rounded },
  safe: simple((value) => str(value)),
  sort: {
    names: ['reverse', ...KEYED],
    run: (value, given, context) => sorted(items(value, context), keyer(given, context), given.flag('reverse', false)),
  },
  string: simple((value) => str(value)),
  sum: { names: ['attribute', 'start'], run: total },
  title: method('title'),
  tojson: { names: ['ensure_ascii', 'indent', 'separators', 'sort_keys'], run: jsonFilter },
  trim: { names: ['chars'], run: (value, given) => strip(str(value), given.isNone('chars') ? null : given.text('chars'), 'both') },
  unique: { names: KEYED, run: unique },
  upper: method('upper'),
  wordcount: simple((value) => BigInt(str(value).match(/[\p{L}\p{N}_]+/gu)?.length ?? 0)),
};

/** @throws TemplateError for a filter that is not supported */
export function applyFilter(name: string, value: Value, args: Value[], keywords: Keywords, context: FilterContext): Value {
  context.budget.spend(typeof value === 'string' ? value.length : 0);
  const choice = /^(?<verb>select|reject)(?<attr>attr)?$/.exec(name)?.groups;
  if (choice) return selection(choice.verb === 'select', choice.attr !== undefined)(value, args, context);
  if (name === 'map') return mapped(value, args, keywords, context);
  if (name === 'format') return formatted(str(value), tupleOf(args), context.budget);
  const filter = Object.hasOwn(FILTERS, name) ? FILTERS[name] : undefined;
  if (!filter) throw new TemplateError(`the filter ${name} is not supported`);
  return filter.run(value, new Arguments(`the filter ${name}`, filter.names, args, keywords), context);
}
