import type { Budget } from './budget';
import { repr, str } from './print';
import {
  compare,
  type Dict,
  Generated,
  isEqual,
  isList,
  isNumber,
  keyOf,
  plain,
  TemplateError,
  Tuple,
  tupleOf,
  typeName,
  type Value,
} from './values';

/** `left operator right` for all but `and` and `or`. */
export function binary(operator: string, left: Value, right: Value, budget: Budget): Value {
  switch (operator) {
    case '==':
      return isEqual(left, right);
    case '!=':
      return !isEqual(left, right);
    case '<':
      return compare(left, right) < 0;
    case '<=':
      return compare(left, right) <= 0;
    case '>':
      return compare(left, right) > 0;
    case '>=':
      return compare(left, right) >= 0;
    case 'in':
      return contains(right, left, budget);
    case 'not in':
      return !contains(right, left, budget);
    case '~':
      return concatenated(str(left), str(right), budget);
    default:
      return arithmetic(operator, left, right, budget);
  }
}

function concatenated(left: string, right: string, budget: Budget): string {
  budget.make(left.length + right.length);
  return left + right;
}

export function contains(container: Value, item: Value, budget: Budget): boolean {
  if (container === undefined) return false;
  if (typeof container === 'string') {
    if (typeof item !== 'string') throw new TemplateError(`'in <str>' wants a str, not ${typeName(item)}`);
    budget.spend(container.length);
    return container.includes(item);
  }
  if (container instanceof Map) return container.has(keyOf(item));
  if (container instanceof Generated) return foundIn(container, item);
  if (!Array.isArray(container)) throw new TemplateError(`a ${typeName(container)} is not iterable`);
  budget.spend(container.length);
  return container.some((one) => isEqual(one, item));
}

/** A generator is gone through up to the item. */
function foundIn(container: Generated, item: Value): boolean {
  for (let [one] = container.take(1).map((value) => [value]); one; [one] = container.take(1).map((value) => [value]))
    if (isEqual(one[0], item)) return true;
  return false;
}

function arithmetic(operator: string, left: Value, right: Value, budget: Budget): Value {
  if (isNumber(left) && isNumber(right)) return numeric(operator, plain(left), plain(right), budget);
  if (operator === '+' && typeof left === 'string' && typeof right === 'string') return concatenated(left, right, budget);
  if (operator === '+' && isList(left) && isList(right) && left instanceof Tuple === right instanceof Tuple) {
    budget.make(left.length + right.length);
    return left instanceof Tuple ? tupleOf([...left, ...right]) : [...left, ...right];
  }
  if (operator === '*' && (typeof left === 'bigint' || typeof right === 'bigint')) return repeated(left, right, budget);
  if (operator === '%' && typeof left === 'string') return formatted(left, right, budget);
  throw new TemplateError(`${operator} is not supported between ${typeName(left)} and ${typeName(right)}`);
}

function repeated(left: Value, right: Value, budget: Budget): Value {
  const [whole, times] = typeof right === 'bigint' ? [left, right] : [right, left as bigint];
  const count = times < 0n ? 0 : Number(times);
  if (typeof whole === 'string') {
    budget.make(whole.length * count);
    return whole.repeat(count);
  }
  if (!isList(whole)) throw new TemplateError(`* is not supported between ${typeName(left)} and ${typeName(right)}`);
  budget.make(whole.length * count);
  const items = Array.from({ length: count }, () => whole).flat() as Value[];
  return whole instanceof Tuple ? tupleOf(items) : items;
}

function numeric(operator: string, a: bigint | number, b: bigint | number, budget: Budget): Value {
  if (typeof a === 'bigint' && typeof b === 'bigint' && operator !== '/') return integer(operator, a, b, budget);
  const [x, y] = [Number(a), Number(b)];
  if (['/', '//', '%'].includes(operator) && y === 0) throw new TemplateError('division by zero');
  switch (operator) {
    case '+':
      return x + y;
    case '-':
      return x - y;
    case '*':
      return x * y;
    case '/':
      return x / y;
    case '//':
      return Math.floor(x / y);
    case '%':
      return x - y * Math.floor(x / y);
    case '**':
      return power(x, y);
    default:
      throw new TemplateError(`the operator ${operator} is not supported`);
  }
}

function power(x: number, y: number): number {
  const result = x ** y;
  if (Number.isFinite(result)) return result;
  throw new TemplateError('the power is no finite number');
}

/** Bits of an integer; Python prints up to 4300 digits. */
const MAX_BITS = 2 ** 13;

function integer(operator: string, a: bigint, b: bigint, budget: Budget): Value {
  switch (operator) {
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      budget.spend(String(a).length + String(b).length);
      return bounded(a * b);
    case '//':
      return floorDivided(a, b);
    case '%':
      return a - b * floorDivided(a, b);
    case '**':
      if (b < 0n) return power(Number(a), Number(b));
      if (a.toString(2).length * Number(b) > MAX_BITS) throw new TemplateError('the power is too large');
      return a ** b;
    default:
      throw new TemplateError(`the operator ${operator} is not supported`);
  }
}

function bounded(value: bigint): bigint {
  if (value < 1n << BigInt(MAX_BITS) && value > -(1n << BigInt(MAX_BITS))) return value;
  throw new TemplateError('an integer becomes too large');
}

function floorDivided(a: bigint, b: bigint): bigint {
  if (b === 0n) throw new TemplateError('division by zero');
  const quotient = a / b;
  return a % b !== 0n && a < 0n !== b < 0n ? quotient - 1n : quotient;
}

/** `format % values` with %s, %r, %d and %%; %f with digits, and widths. */
export function formatted(format: string, values: Value, budget: Budget): string {
  const list = values instanceof Tuple ? [...values] : [values];
  let used = 0;
  const text = format.replace(/%(?<flags>[-0]*)(?<width>\d*)(?:\.(?<digits>\d+))?(?<kind>[\s\S]?)/g, (...found) => {
    const { flags, width, digits, kind } = found.at(-1) as Record<'flags' | 'width' | 'digits' | 'kind', string>;
    if (kind === '%') return '%';
    if (used >= list.length) throw new TemplateError('not enough values for the format');
    const shown = conversion(kind, list[used++], digits);
    budget.make(Number(width));
    if (flags.includes('-')) return shown.padEnd(Number(width));
    return flags.includes('0') && kind !== 's'
      ? shown.replace(/^(-?)/, `$1${'0'.repeat(Math.max(0, Number(width) - shown.length))}`)
      : shown.padStart(Number(width));
  });
  if (used < list.length && !(values instanceof Map)) throw new TemplateError('not all values are used by the format');
  return text;
}

function conversion(kind: string, value: Value, digits: string | undefined): string {
  if (kind === 's' && digits === undefined) return str(value);
  if (kind === 'r' && digits === undefined) return repr(value);
  if ((kind === 'd' || kind === 'i') && isNumber(value) && digits === undefined)
    return String(typeof value === 'number' ? BigInt(Math.trunc(value)) : plain(value));
  if (kind === 'f' && isNumber(value) && Math.abs(Number(value)) < 1e21) return Number(value).toFixed(Math.min(100, Number(digits ?? 6)));
  throw new TemplateError(`the format %${kind} is not supported for a ${typeName(value)}`);
}

export const entriesOf = (dict: Dict): Value[] => Array.from(dict, ([key, value]) => tupleOf([key, value]));
