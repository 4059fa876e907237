import { Arguments } from './arguments';
import type { Budget } from './budget';
import { entriesOf } from './operators';
import { textMethod } from './text-methods';
import {
  Callable,
  charactersOf,
  type Dict,
  isEqual,
  isList,
  keyOf,
  Namespace,
  TemplateError,
  Tuple,
  tupleOf,
  typeName,
  type Value,
  View,
  viewOf,
} from './values';

/** `object.name`: an attribute, else a key. As Jinja's sandbox for chat templates, which lets nothing be changed. */
export function attribute(object: Value, name: string, budget: Budget): Value {
  if (object === undefined) throw new TemplateError(`an undefined value has no attribute ${name}`);
  refuseUnsupported(object, name);
  if (typeof object === 'string') return callable(textMethod(object, name, budget));
  if (object instanceof Namespace) return object.members.get(name);
  if (object instanceof Map) return dictMethod(object, name) ?? object.get(name);
  if (isList(object)) return listMethod(object, name);
  return undefined;
}

/** `object[key]`: an item, else an attribute. */
export function item(object: Value, key: Value, budget: Budget): Value {
  if (object === undefined) throw new TemplateError('an undefined value has no items');
  if (object instanceof Map && object.has(keyOf(key))) return object.get(keyOf(key));
  if (typeof key === 'string') return attribute(object, key, budget);
  if (typeof key !== 'bigint' && typeof key !== 'boolean') return undefined;
  if (object instanceof View && !object.isIndexed) return undefined;
  const list = typeof object === 'string' ? charactersOf(object) : Array.isArray(object) ? object : [];
  return list.at(Number(key));
}

/** `a.b.0` of filters: keys before attributes. The fallback stands for what is not there on the way, too. */
export function path(object: Value, names: string, budget: Budget, fallback?: Value): Value {
  let value = object;
  for (const name of names.split('.')) {
    value = item(value, /^\d+$/.test(name) ? BigInt(name) : name, budget);
    if (value === undefined && fallback !== null) value = fallback;
  }
  return value;
}

/** `object[start:stop:step]`. */
export function slice(object: Value, [start, stop, step]: readonly Value[]): Value {
  if (typeof object !== 'string' && !isList(object)) throw new TemplateError(`a ${typeName(object)} cannot be cut`);
  const list = charactersOf(object as string) as readonly Value[];
  const by = indexOf(step, 1);
  if (by === 0) throw new TemplateError('slice step cannot be zero');
  const bound = (value: Value, fallback: number): number => {
    const at = indexOf(value, fallback);
    const [least, most] = by > 0 ? [0, list.length] : [-1, list.length - 1];
    return value === null ? fallback : Math.min(most, Math.max(least, at < 0 ? at + list.length : at));
  };
  const [from, to] = by > 0 ? [bound(start, 0), bound(stop, list.length)] : [bound(start, list.length - 1), bound(stop, -1)];
  const parts: Value[] = [];
  for (let at = from; by > 0 ? at < to : at > to; at += by) parts.push(list[at]);
  if (typeof object === 'string') return parts.join('');
  return object instanceof Tuple ? tupleOf(parts) : parts;
}

function indexOf(value: Value, fallback: number): number {
  if (value === null) return fallback;
  if (typeof value === 'bigint' || typeof value === 'boolean') return Number(value);
  throw new TemplateError('slice indices must be integers');
}

const NUMBERS =
  'as_integer_ratio bit_count bit_length conjugate denominator from_bytes fromhex hex imag is_integer numerator real to_bytes';
/** Attributes that values have in Python and not here. Jinja takes what is no attribute for undefined, and so must not these. */
const UNSUPPORTED: Readonly<Record<string, string>> = {
  str: 'casefold encode expandtabs format format_map isascii isdecimal isidentifier isnumeric isprintable istitle maketrans rindex rpartition swapcase translate',
  dict: 'fromkeys',
  function: 'arguments caller catch_kwargs catch_varargs explicit_caller name',
  generator: 'close gi_code gi_frame gi_running gi_yieldfrom send throw',
  ...{ int: NUMBERS, float: NUMBERS, bool: NUMBERS },
};
const OF_VIEWS = 'count index isdisjoint mapping start step stop';

function refuseUnsupported(object: Value, name: string): void {
  const names = object instanceof View ? OF_VIEWS : (UNSUPPORTED[typeName(object)] ?? '');
  if (names.split(' ').includes(name)) throw new TemplateError(`${typeName(object)}.${name} is not supported`);
}

const callable = (call: Callable['call'] | undefined): Callable | undefined => call && new Callable(call);

const CHANGING = ['append', 'clear', 'extend', 'insert', 'pop', 'popitem', 'remove', 'reverse', 'setdefault', 'sort', 'update'];

function refuseChange(object: Value, name: string): void {
  if (CHANGING.includes(name)) throw new TemplateError(`${typeName(object)}.${name} would change a value, which templates may not`);
}

/** A method without arguments. */
const plainMethod = (name: string, make: () => Value): Callable =>
  new Callable((args, keywords) => {
    if (args.length + keywords.size > 0) throw new TemplateError(`${name} takes no arguments`);
    return make();
  });

function dictMethod(dict: Dict, name: string): Callable | undefined {
  if (!dict.has(name)) refuseChange(dict, name);
  switch (name) {
    case 'get':
      return new Callable((args, keywords) => {
        const given = new Arguments('dict.get', ['key', 'default'], args, keywords);
        const key = keyOf(given.value('key', null));
        return dict.has(key) ? dict.get(key) : given.value('default', null);
      });
    case 'items':
      return plainMethod(name, () => viewOf('dict_items', entriesOf(dict)));
    case 'keys':
      return plainMethod(name, () => viewOf('dict_keys', [...dict.keys()]));
    case 'values':
      return plainMethod(name, () => viewOf('dict_values', [...dict.values()]));
    case 'copy':
      return plainMethod(name, () => new Map(dict));
    default:
      return undefined;
  }
}

function listMethod(list: readonly Value[], name: string): Callable | undefined {
  if (!(list instanceof Tuple)) refuseChange(list as Value[], name);
  if (name === 'copy' && !(list instanceof Tuple)) return plainMethod(name, () => [...list]);
  if (name === 'count') return new Callable(([wanted]) => BigInt(list.filter((one) => isEqual(one, wanted)).length));
  if (name !== 'index') return undefined;
  return new Callable(([wanted]) => {
    const at = list.findIndex((one) => isEqual(one, wanted));
    if (at < 0) throw new TemplateError('index: the value is not in the list');
    return BigInt(at);
  });
}
