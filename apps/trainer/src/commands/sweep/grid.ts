/** The combinations of a sweep, from the words of its flags. */
import { createHash } from 'node:crypto';
import { usageError } from '../../errors';
import { BESIDES } from '../../report/data/compare';
import { completeSettings, givenSettings } from '../../settings/resolve';
import { kebab, rowOf, SETTING_NAMES, type SettingName, type SomeSettings } from '../../settings/table';
import { textOf } from '../../settings/text';
import { splitAlternatives } from './alternatives';
import type { SweepOptions } from './command';

/** A flag and its values. */
interface Axis {
  readonly name: SettingName | 'preset' | 'config';
  readonly values: readonly unknown[];
}

/** One combination. */
export interface GridPoint {
  /** Name of the run and its folder: `learning-rate=3e-4_seed=1`. */
  readonly name: string;
  /** All that was said of it, by flags, file and preset. */
  readonly settings: SomeSettings;
}

export interface Grid {
  /** What changes no number of a run, and has one value for all: folder, name, threads, pace of saving. */
  readonly whole: SomeSettings;
  /** Empty where no flag but those of the sweep as a whole was given. */
  readonly points: readonly GridPoint[];
}

/**
 * Reads the flags and makes every combination, the last flag changing first.
 * @throws SsmError OPTION where a value does not fit, is there twice, or contradicts another of its combination
 */
export async function gridOf(options: SweepOptions, cwd: string): Promise<Grid> {
  const axes = (['preset', 'config', ...SETTING_NAMES] as const).flatMap((name): Axis[] => {
    const words = wordsOf(options[name]);
    return words === undefined ? [] : [{ name, values: valuesOf(name, words) }];
  });
  const isWhole = ({ name }: Axis): boolean => BESIDES.includes(name);
  const whole = Object.fromEntries(axes.filter(isWhole).map((axis) => [axis.name, onlyValue(axis)])) as SomeSettings;
  const varying = axes.filter((axis) => !isWhole(axis));
  if (varying.length === 0) return { whole, points: [] };
  const points: GridPoint[] = [];
  for (const values of combinations(varying)) points.push(await pointOf(varying, values, cwd));
  return { whole, points };
}

/** `--recompute` alone is true, `--no-recompute` false. */
const wordsOf = (option: unknown): readonly string[] | undefined =>
  typeof option === 'boolean' ? [String(option)] : (option as readonly string[] | undefined);

function valuesOf(name: Axis['name'], words: readonly string[]): unknown[] {
  const flag = `--${kebab(name)}`;
  const kind = name === 'preset' || name === 'config' ? undefined : rowOf(name).kind;
  const parts = words.map((word) => splitAlternatives(word, name === 'configJson'));
  if (kind?.isList && words.length > 1) {
    if (parts.some((one) => one.length > 1))
      throw usageError(
        `${flag} has both spaces and commas between its values.`,
        'spaces between the files of one set, or commas between sets of one',
        words.join(' '),
        'put the files of each set into a folder, and commas between the folders',
      );
    return [parts.flat()];
  }
  const read = parts.flat().map((part) => {
    const value = kind === undefined ? part || undefined : kind.read(part);
    if (value === undefined) throw usageError(`${flag} cannot be used.`, kind?.expected ?? 'a name', part || 'nothing', ADVICE);
    return value;
  });
  read.forEach((value, i) => {
    if (read.findIndex((one) => JSON.stringify(one) === JSON.stringify(value)) === i) return;
    throw usageError(`${flag} has a value twice.`, 'different values', textOf(value), 'leave one of them out');
  });
  return read;
}

const ADVICE = "correct it; a comma that belongs to a value has a backslash before it: 'one\\, two'";

function onlyValue({ name, values }: Axis): unknown {
  if (values.length === 1) return values[0];
  const fix = 'give one value: it holds for all runs';
  throw usageError(`--${kebab(name)} cannot vary in a sweep.`, 'one value', values.map(textOf).join(', '), fix);
}

function* combinations(axes: readonly Axis[]): Generator<unknown[]> {
  const [first, ...others] = axes;
  if (first === undefined) yield [];
  else for (const value of first.values) for (const rest of combinations(others)) yield [value, ...rest];
}

async function pointOf(axes: readonly Axis[], values: readonly unknown[], cwd: string): Promise<GridPoint> {
  const named = axes.map(({ name }, i) => [name, values[i]] as const);
  const { preset, config, ...flags } = Object.fromEntries(named) as { preset?: string; config?: string } & SomeSettings;
  const given = await givenSettings({ flags, preset, configFile: config }, cwd);
  const settings = Object.fromEntries(Object.entries(given).filter(([name]) => !['name', 'outDir', 'overwrite'].includes(name)));
  if (given.initFrom === 'resume')
    throw usageError(
      '--init-from resume is for one run.',
      'scratch, a folder or a Hub id',
      'resume',
      'start the same sweep again: it resumes by itself',
    );
  if (given.data?.includes('-')) throw usageError('A sweep cannot read --data from stdin.', 'files', '-', 'write the text to a file first');
  completeSettings(settings);
  const parts = named.filter((_, i) => (axes[i]?.values.length ?? 0) > 1).map(([name, value]) => `${kebab(name)}=${wordOf(value)}`);
  return { name: parts.join('_') || 'run', settings };
}

/** A value as it stands in the name of a folder; what cannot stand there as it is gets a few letters of its hash. */
function wordOf(value: unknown): string {
  const text = textOf(value);
  const word = text.replaceAll(/[^\p{Letter}\p{Number}.+-]+/gu, '-').slice(0, 40);
  return word === text ? word : `${word}-${createHash('sha256').update(text).digest('hex').slice(0, 6)}`;
}

/** What decides the numbers of a run: two with the same are the same run. */
export const essence = (settings: SomeSettings): string =>
  JSON.stringify(
    Object.entries(settings)
      .filter(([name, value]) => !BESIDES.includes(name) && value !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
