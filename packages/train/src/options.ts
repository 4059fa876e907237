import { SsmError } from '@densessm/ssm-core';

/** What an option may be: a range, integers only where `whole`. */
export interface NumberRange {
  min: number;
  max?: number;
  whole?: boolean;
  /** Whether `min` itself is too small. */
  above?: boolean;
}

/**
 * Checks numbers given as options.
 * @throws SsmError OPTION naming the first that is out of its range.
 */
export function checkNumbers<const Name extends string>(
  where: string,
  given: Readonly<Record<Name, number>>,
  ranges: Readonly<Record<Name, NumberRange>>,
): void {
  for (const [name, range] of Object.entries(ranges) as [Name, NumberRange][]) {
    const value = given[name];
    const { min, max = Number.MAX_VALUE, whole = false, above = false } = range;
    const inside = typeof value === 'number' && value >= min && value <= max && !(above && value === min);
    if (inside && (!whole || Number.isInteger(value))) continue;
    const kind = whole ? 'an integer' : 'a number';
    const low = above ? `above ${min}` : `from ${min}`;
    throw badOption(where, name, `${kind} ${low}${range.max === undefined ? '' : ` to ${max}`}`, String(value));
  }
}

export const badOption = (where: string, name: string, expected: string, got: string, fix = 'correct the option'): SsmError =>
  new SsmError({ code: 'OPTION', what: `${where}: \`${name}\` cannot be used.`, expected, got, fix });
