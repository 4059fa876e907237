import { Arguments } from './arguments';
import type { Budget } from './budget';
import { strftime } from './strftime';
import { Callable, itemsOf, Namespace, TemplateError, type Value, viewOf } from './values';

/** Jinja's sandbox makes no longer ranges: MAX_RANGE. */
const MAX_RANGE = 100_000;

/** Functions of every template. */
export function globalsOf(budget: Budget, now: Date): Record<string, Value> {
  const named = (args: Value[], keywords: Map<string, Value>): Map<string, Value> => {
    const [base] = args;
    if (args.length > 1) throw new TemplateError('at most one argument is not a keyword');
    if (args.length === 1 && base === undefined) throw new TemplateError('an undefined value is no dict');
    const pairs: [Value, Value][] =
      base instanceof Map ? [...base] : itemsOf(base).map((pair) => itemsOf(pair) as unknown as [Value, Value]);
    return new Map([...pairs.map(([key, value]): [string, Value] => [String(key), value]), ...keywords]);
  };
  const unsupported = (name: string): Callable =>
    new Callable(() => {
      throw new TemplateError(`${name} is not supported`);
    });
  return {
    ...{ cycler: unsupported('cycler'), joiner: unsupported('joiner'), lipsum: unsupported('lipsum') },
    range: new Callable((args) => range(args, budget)),
    namespace: new Callable((args, keywords) => new Namespace(named(args, keywords))),
    dict: new Callable((args, keywords) => named(args, keywords) as Map<Value, Value>),
    raise_exception: new Callable((args, keywords) => {
      throw new TemplateError(new Arguments('raise_exception', ['message'], args, keywords).text('message'));
    }),
    strftime_now: new Callable((args, keywords) => strftime(now, new Arguments('strftime_now', ['format'], args, keywords).text('format'))),
  };
}

function range(args: readonly Value[], budget: Budget): Value[] {
  const numbers = args.map((value) => {
    if (typeof value === 'bigint' || typeof value === 'boolean') return Number(value);
    throw new TemplateError('range wants integers');
  });
  const [start = 0, stop = 0, step = 1] = numbers.length === 1 ? [0, ...numbers] : numbers;
  if (numbers.length === 0 || numbers.length > 3 || step === 0) throw new TemplateError('range wants a stop, and a step that is not 0');
  const length = Math.max(0, Math.ceil((stop - start) / step));
  if (length > MAX_RANGE) throw new TemplateError(`a range of ${length} numbers is too long; Jinja's sandbox makes at most ${MAX_RANGE}`);
  budget.make(length);
  const label = `range(${start}, ${stop}${step === 1 ? '' : `, ${step}`})`;
  return viewOf(
    label,
    Array.from({ length }, (_, index) => BigInt(start + index * step)),
    true,
  );
}
