/** Runs with the same settings but for their seed: mean and spread of the loss, and the loss over each setting that varies. */
import { deviation, differing, groupsOf, mean } from './compare';
import type { ReportRun } from './run';
import { summarize } from './summary';

/** A run that has finished. */
interface Result {
  /** Index of the run. */
  readonly run: number;
  readonly seed: number | undefined;
  /** The lowest on held-out text, and after how many steps. */
  readonly loss: number;
  readonly step: number;
}

/** One combination of settings. */
export interface SettingResult {
  /** One for each column. */
  readonly values: readonly string[];
  readonly runs: number;
  /** Of the runs that have finished with a finite loss, the lowest loss first. */
  readonly results: readonly Result[];
  readonly mean: number | undefined;
  /** Standard deviation over seeds; undefined of fewer than two. */
  readonly spread: number | undefined;
}

/** Settings beside each other, the lowest mean first; those without a result last. */
export interface SettingsTable {
  /** Names of the settings that vary, the seed left out. */
  readonly columns: readonly string[];
  readonly rows: readonly SettingResult[];
}

/** Undefined where there are fewer than three runs, or nothing but the seed differs between them. */
export function settingsTable(runs: readonly ReportRun[]): SettingsTable | undefined {
  const columns = differing(runs).filter(({ name }) => name !== 'seed');
  if (runs.length < 3 || columns.length === 0) return undefined;
  const rows = groupsOf(runs).map(({ runs: members }): SettingResult => {
    const results = members.flatMap((run) => resultOf(runs, run)).sort((a, b) => a.loss - b.loss);
    const losses = results.map(({ loss }) => loss);
    return {
      values: columns.map(({ values }) => values[members[0] ?? 0] ?? ''),
      runs: members.length,
      results,
      mean: losses.length > 0 ? mean(losses) : undefined,
      spread: deviation(losses),
    };
  });
  const order = (one: SettingResult): number => one.mean ?? Number.POSITIVE_INFINITY;
  return { columns: columns.map(({ name }) => name), rows: rows.sort((a, b) => (order(a) < order(b) ? -1 : order(a) > order(b) ? 1 : 0)) };
}

/** A run that goes on or was ended early would pass for a setting that learns worse. */
function resultOf(runs: readonly ReportRun[], run: number): Result[] {
  const one = runs[run] as ReportRun;
  const { best } = summarize(one);
  if (best === undefined || (one.state !== undefined && one.state !== 'finished')) return [];
  return [{ run, seed: one.info?.settings.seed, loss: best.loss, step: best.step }];
}

/** The loss over one setting: a line for every combination of the others. */
export interface ParameterChart {
  readonly name: string;
  /** The values of the setting from left to right. */
  readonly ticks: readonly Tick[];
  readonly isLog: boolean;
  readonly lines: readonly ParameterLine[];
}

interface Tick {
  readonly label: string;
  /** From 0 to 1. */
  readonly at: number;
}

export interface ParameterLine {
  /** The values of the other settings; empty where no other varies. */
  readonly label: string;
  readonly points: readonly { readonly at: number; readonly mean: number; readonly losses: readonly number[] }[];
}

/** One chart for every setting that varies. */
export function parameterCharts({ columns, rows }: SettingsTable): ParameterChart[] {
  const known = rows.filter((row) => row.mean !== undefined);
  return columns.flatMap((name, column): ParameterChart[] => {
    const { ticks, isLog } = placesOf([...new Set(known.map(({ values }) => values[column] ?? ''))]);
    if (ticks.length < 2) return [];
    const lines = new Map<string, SettingResult[]>();
    const isAlone = columns.length === 2;
    for (const row of known) {
      const label = columns
        .flatMap((other, i) => (i === column ? [] : [isAlone ? (row.values[i] ?? '') : `${other} ${row.values[i]}`]))
        .join(', ');
      lines.set(label, [...(lines.get(label) ?? []), row]);
    }
    const pointOf = (row: SettingResult) => ({
      at: ticks.find(({ label }) => label === row.values[column])?.at ?? 0,
      mean: row.mean as number,
      losses: row.results.map(({ loss }) => loss),
    });
    return [
      { name, ticks, isLog, lines: [...lines].map(([label, all]) => ({ label, points: all.map(pointOf).sort((a, b) => a.at - b.at) })) },
    ];
  });
}

/** How many times the smallest value the largest must be for a logarithmic axis. */
const WIDE = 8;

/** Numbers by their size, words at equal distances in the order in which they come. */
function placesOf(values: readonly string[]): { ticks: Tick[]; isLog: boolean } {
  const numbers = values.map((value) => (value.trim() === '' ? Number.NaN : Number(value)));
  if (!numbers.every(Number.isFinite))
    return { ticks: values.map((label, i) => ({ label, at: i / Math.max(1, values.length - 1) })), isLog: false };
  const [least, most] = [Math.min(...numbers), Math.max(...numbers)];
  const isLog = least > 0 && most / least >= WIDE;
  const scale = (value: number): number => (isLog ? Math.log(value) : value);
  const share = (value: number): number => (most > least ? (scale(value) - scale(least)) / (scale(most) - scale(least)) : 0);
  const sorted = values.map((label, i) => ({ label, at: share(numbers[i] as number) })).sort((a, b) => a.at - b.at);
  return { ticks: sorted, isLog };
}
