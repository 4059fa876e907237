/** Which runs are listed, and in which order. */
import { usageError } from '../../errors';
import type { FoundRun } from '../../run-folder/find-runs';
import { nearest } from '../../settings/nearest';
import { meantName } from '../../settings/synonyms';
import { kebab, SETTING_NAMES, type SettingName } from '../../settings/table';
import { textOf } from '../../settings/text';

type Value = string | number | undefined;

const FACTS: Readonly<Record<string, (run: FoundRun) => Value>> = {
  name: ({ info }) => info.name,
  model: ({ info }) => info.settings.model,
  state: ({ state }) => state,
  parameters: ({ info }) => info.parameters,
  steps: ({ info }) => info.step,
  loss: ({ info }) => info.best?.loss,
  updated: ({ info }) => info.updated,
  created: ({ info }) => info.created,
  seconds: ({ info }) => info.seconds,
};

/** What a key means of a run. */
export interface Key {
  readonly name: string;
  /** A setting, which the table has no column for. */
  readonly setting?: SettingName;
  of(run: FoundRun): Value;
}

/** @throws SsmError OPTION for a name that is none, with the one that was probably meant */
export function keyOf(word: string): Key {
  const name = kebab(word.replaceAll('_', '-'));
  const fact = Object.hasOwn(FACTS, name) ? FACTS[name] : undefined;
  if (fact !== undefined) return { name, of: fact };
  const setting = SETTING_NAMES.find((one) => kebab(one) === name);
  if (setting !== undefined) return { name, setting, of: ({ info }) => settingValue(info.settings[setting]) };
  const names = [...Object.keys(FACTS), ...SETTING_NAMES.map(kebab)];
  const meant = meantName(name, names) ?? nearest(name, names);
  throw usageError(
    `Runs have no ${JSON.stringify(word)}.`,
    `${Object.keys(FACTS).join(', ')} or a flag of densessm train`,
    word || 'nothing',
    meant ? `did you mean ${meant}?` : 'densessm train --help lists the flags',
  );
}

const settingValue = (setting: unknown): Value =>
  setting === undefined || typeof setting === 'number' ? (setting as Value) : textOf(setting);

export interface Condition {
  readonly key: Key;
  holds(run: FoundRun): boolean;
}

const HOLDS: Readonly<Record<string, (order: number) => boolean>> = {
  '=': (order) => order === 0,
  '<': (order) => order < 0,
  '<=': (order) => order <= 0,
  '>': (order) => order > 0,
  '>=': (order) => order >= 0,
};

/** @throws SsmError OPTION where it is no condition */
export function conditionOf(text: string): Condition {
  const [, word = '', sign = '', wanted = ''] = /^([\w-]+)\s*(!=|<=|>=|<|>|=)\s*(.+)$/s.exec(text) ?? [];
  if (sign === '')
    throw usageError(
      '--filter cannot be used.',
      'key=value, or !=, <, <=, >, >= in place of =',
      text || 'nothing',
      'for example --filter model=mamba',
    );
  const key = keyOf(word);
  const values = sign === '=' || sign === '!=' ? wanted.split(',') : [wanted];
  const isOne = (run: FoundRun, test: (order: number) => boolean): boolean =>
    values.some((value) => {
      const own = key.of(run);
      return own !== undefined && test(compare(own, typeof own === 'number' ? numberOf(value, text) : value));
    });
  if (sign === '!=') return { key, holds: (run) => !isOne(run, (order) => order === 0) };
  return { key, holds: (run) => isOne(run, HOLDS[sign] as (order: number) => boolean) };
}

function numberOf(text: string, condition: string): number {
  const number = text.trim() === '' ? Number.NaN : Number(text.replaceAll('_', ''));
  if (!Number.isNaN(number)) return number;
  throw usageError('--filter cannot be used.', 'a number behind the sign', condition, 'for example --filter "loss<2"');
}

const compare = (a: string | number, b: string | number): number =>
  typeof a === 'number' && typeof b === 'number' ? a - b : String(a).localeCompare(String(b), 'en', { numeric: true });

/** Sorted by a key, runs without it last, whichever way. */
export function sortBy(runs: readonly FoundRun[], key: Key, reverse: boolean): FoundRun[] {
  return [...runs].sort((a, b) => {
    const [one, other] = [key.of(a), key.of(b)];
    if (one === undefined || other === undefined) return Number(one === undefined) - Number(other === undefined);
    return reverse ? compare(other, one) : compare(one, other);
  });
}
