import { usageError } from '../errors';

/** What a setting holds, and how it reads on the command line, in a YAML or JSON file and in `--help`. */
export interface Kind<T> {
  /** After the flag in `--help`; a flag without a value has none. */
  readonly placeholder: string;
  readonly isFlag?: boolean;
  readonly isList?: boolean;
  readonly choices?: readonly string[];
  /** The value of a word of the command line or of a value in a file; undefined where it is none. */
  read(value: unknown): T | undefined;
  /** For errors. */
  readonly expected: string;
}

const asNumber = (value: unknown): number =>
  typeof value === 'number' ? value : typeof value === 'string' && value.trim() !== '' ? Number(value.replaceAll('_', '')) : Number.NaN;

export function whole(min = 0, max = Number.MAX_SAFE_INTEGER): Kind<number> {
  const expected = max < Number.MAX_SAFE_INTEGER ? `an integer from ${min} to ${max}` : `an integer from ${min}`;
  const read = (value: unknown) => {
    const number = asNumber(value);
    return Number.isInteger(number) && number >= min && number <= max ? number : undefined;
  };
  return { placeholder: 'n', expected, read };
}

export function real(min: number, max = Number.POSITIVE_INFINITY): Kind<number> {
  const expected = max < Number.POSITIVE_INFINITY ? `a number from ${min} to ${max}` : `a number from ${min}`;
  const read = (value: unknown) => {
    const number = asNumber(value);
    return Number.isFinite(number) && number >= min && number <= max ? number : undefined;
  };
  return { placeholder: 'x', expected, read };
}

export const flag: Kind<boolean> = {
  placeholder: '',
  isFlag: true,
  expected: 'true or false',
  read: (value) => (typeof value === 'boolean' ? value : value === 'true' ? true : value === 'false' ? false : undefined),
};

export const text = (placeholder: string): Kind<string> => ({
  placeholder,
  expected: 'text',
  read: (value) => (typeof value === 'string' && value !== '' ? value : undefined),
});

export const texts = (placeholder: string): Kind<readonly string[]> => ({
  placeholder,
  isList: true,
  expected: 'one or more texts',
  read: (value) => {
    const list = typeof value === 'string' ? [value] : value;
    return Array.isArray(list) && list.length > 0 && list.every((one) => typeof one === 'string' && one !== '') ? list : undefined;
  },
});

export const oneOf = <const Choice extends string>(...choices: readonly Choice[]): Kind<Choice> => ({
  placeholder: 'name',
  choices,
  expected: choices.join(', '),
  read: (value) => choices.find((one) => one === value),
});

/** A JSON object: written out, or as the path of a .json file, which whoever uses it reads. */
export const json: Kind<string | Readonly<Record<string, unknown>>> = {
  placeholder: 'json',
  expected: 'a JSON object, or the path of a file that holds one',
  read: (value) => {
    if (typeof value === 'string') return value === '' ? undefined : value;
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined;
  },
};

/** @throws SsmError OPTION where the value is none of the kind */
export function readKind<T>(kind: Kind<T>, value: unknown, where: string): T {
  const read = kind.read(value);
  if (read !== undefined) return read;
  const got = typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value));
  throw usageError(
    `${where} cannot be used.`,
    kind.expected,
    got.slice(0, 200) || 'nothing',
    'correct it, or leave it out for the default',
  );
}
