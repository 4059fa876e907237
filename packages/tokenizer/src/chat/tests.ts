import type { Budget } from './budget';
import { binary } from './operators';
import { Callable, Generated, isEqual, isNumber, plain, TemplateError, type Value, View } from './values';

const textOf = (value: Value): string => (typeof value === 'string' ? value : '');

function remainder(value: Value, divisor: Value, budget: Budget): Value {
  return binary('%', value, divisor, budget);
}

const isIterable = (value: Value): boolean =>
  value === undefined || typeof value === 'string' || Array.isArray(value) || value instanceof Map || value instanceof Generated;

const TESTS: Readonly<Record<string, (value: Value, args: readonly Value[], budget: Budget) => boolean>> = {
  boolean: (value) => typeof value === 'boolean',
  callable: (value) => value instanceof Callable,
  defined: (value) => value !== undefined,
  divisibleby: (value, [by], budget) => isEqual(remainder(value, by, budget), 0n),
  even: (value, _, budget) => isEqual(remainder(value, 2n, budget), 0n),
  false: (value) => value === false,
  float: (value) => typeof value === 'number',
  integer: (value) => typeof value === 'bigint',
  iterable: isIterable,
  lower: (value) => textOf(value) === textOf(value).toLowerCase() && textOf(value).toUpperCase() !== textOf(value),
  mapping: (value) => value instanceof Map,
  none: (value) => value === null,
  number: (value) => isNumber(value),
  odd: (value, _, budget) => isEqual(remainder(value, 2n, budget), 1n),
  sameas: (value, [other]) =>
    isNumber(value) && isNumber(other) ? typeof value === typeof other && plain(value) === plain(other) : value === other,
  sequence: (value) => isIterable(value) && !(value instanceof Generated) && !(value instanceof View && !value.isIndexed),
  string: (value) => typeof value === 'string',
  true: (value) => value === true,
  undefined: (value) => value === undefined,
  upper: (value) => textOf(value) === textOf(value).toUpperCase() && textOf(value).toLowerCase() !== textOf(value),
};

/** Names under which tests compare. */
const COMPARISONS: Readonly<Record<string, string>> = {
  ...{ in: 'in', eq: '==', equalto: '==', '==': '==', ne: '!=', '!=': '!=', lt: '<', lessthan: '<', '<': '<', le: '<=', '<=': '<=' },
  ...{ gt: '>', greaterthan: '>', '>': '>', ge: '>=', '>=': '>=' },
};

const WITH_ARGUMENT = ['divisibleby', 'sameas'];

/** `value is name(args)`. @throws TemplateError for a test that is not supported */
export function runTest(name: string, value: Value, args: readonly Value[], budget: Budget): boolean {
  budget.spend();
  if (args.length !== (Object.hasOwn(COMPARISONS, name) || WITH_ARGUMENT.includes(name) ? 1 : 0))
    throw new TemplateError(`the test ${name} does not take ${args.length} arguments`);
  if (Object.hasOwn(COMPARISONS, name)) return binary(COMPARISONS[name] ?? '', value, args[0], budget) === true;
  const test = Object.hasOwn(TESTS, name) ? TESTS[name] : undefined;
  if (test) return test(value, args, budget);
  throw new TemplateError(`the test ${name} is not supported`);
}
