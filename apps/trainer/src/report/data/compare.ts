/** Runs beside each other: which differ in nothing but their seed, and how far the others are apart. */
import type { ReportRun } from './run';

/** Runs with the same settings, whose seeds may differ. */
export interface RunGroup {
  readonly label: string;
  /** Indices of the runs. */
  readonly runs: readonly number[];
}

/** Validation loss of one group minus that of another at the same step. */
export interface DifferencePoint {
  readonly step: number;
  readonly mean: number;
  /** Standard deviation over seeds; undefined of a single seed. */
  readonly spread?: number;
  /** Seeds that both groups have; 0 where none is shared. */
  readonly paired: number;
}

/** Settings that change where and how a run is written, not what it learns. */
export const BESIDES = ['name', 'outDir', 'overwrite', 'device', 'threads', 'cacheDir', 'logInterval', 'saveInterval', 'sampleInterval'];
const isSetting = (name: string, value: unknown): boolean => !BESIDES.includes(name) && !(name === 'initFrom' && value === 'resume');

/** One thing in which runs differ, with its value of each run. */
export interface Differing {
  readonly name: string;
  readonly values: readonly string[];
}

/** The settings in which runs differ, the seed last; keys of the model's config only where no setting differs. */
export function differing(runs: readonly ReportRun[]): Differing[] {
  const settings = namesThatDiffer(runs.map(({ info }) => info?.settings ?? {})).filter(
    ({ name, values }) => name !== 'initFrom' || !values.includes(UNKNOWN), // a run that was resumed by an earlier version
  );
  const seed = settings.filter(({ name }) => name === 'seed');
  const others = settings.filter(({ name }) => name !== 'seed');
  return [...(others.length > 0 ? others : namesThatDiffer(runs.map(({ info }) => info?.config ?? {}))), ...seed];
}

function namesThatDiffer(objects: readonly object[]): Differing[] {
  const maps = objects.map((one) => new Map(Object.entries(one).filter(([name, value]) => isSetting(name, value))));
  const names = [...new Set(maps.flatMap((one) => [...one.keys()]))];
  return names
    .map((name) => ({ name, values: maps.map((one) => written(one.get(name))) }))
    .filter(({ values }) => new Set(values).size > 1);
}

const UNKNOWN = '–';
const written = (value: unknown): string =>
  value === undefined || value === null ? UNKNOWN : typeof value === 'string' ? value : JSON.stringify(value);

/** In the order of their first runs. */
export function groupsOf(runs: readonly ReportRun[]): RunGroup[] {
  const groups = new Map<string, number[]>();
  runs.forEach((run, i) => {
    const key = run.info === undefined ? `run ${i}` : settingsKey(run.info);
    groups.set(key, [...(groups.get(key) ?? []), i]);
  });
  const columns = differing(runs).filter(({ name }) => name !== 'seed');
  const labels = [...groups.values()].map(([first = 0]) => labelOf(runs[first]?.name ?? '', first, columns));
  const areTold = groups.size > 1 && new Set(labels).size === labels.length && [...groups.values()].some((one) => one.length > 1);
  return [...groups.values()].map((members, i) => ({
    label: areTold ? (labels[i] ?? '') : (runs[members[0] ?? 0]?.name ?? ''),
    runs: members,
  }));
}

/** Which color of the palette a run has, and how faint: runs that differ in their seed alone share one. */
export function colorsOf(runs: readonly ReportRun[]): { readonly run: number; readonly shade: number }[] {
  const groups = groupsOf(runs);
  return runs.map((_, index) => {
    const group = groups.findIndex((one) => one.runs.includes(index));
    const among = groups[group]?.runs ?? [];
    return { run: group, shade: (0.6 * among.indexOf(index)) / Math.max(1, among.length) };
  });
}

function settingsKey({ settings, config }: NonNullable<ReportRun['info']>): string {
  const counted = Object.entries(settings).filter(([name, value]) => name !== 'seed' && isSetting(name, value));
  return JSON.stringify([counted.sort(([a], [b]) => (a < b ? -1 : 1)), config]);
}

const labelOf = (name: string, run: number, columns: readonly Differing[]): string =>
  columns.map((column) => (column.name === 'model' ? column.values[run] : `${column.name} ${column.values[run]}`)).join(', ') || name;

/** How far `group` is from `base`, at every step that both have evaluated. Seeds that both have are compared with each other. */
export function differenceOf(runs: readonly ReportRun[], group: RunGroup, base: RunGroup): DifferencePoint[] {
  const [ours, theirs] = [lossesOf(runs, group), lossesOf(runs, base)];
  const points = [...ours].flatMap(([step, losses]): DifferencePoint[] => {
    const others = theirs.get(step);
    if (others === undefined) return [];
    const pairs = [...losses].flatMap(([seed, loss]) => (others.has(seed) ? [loss - (others.get(seed) as number)] : []));
    if (pairs.length > 0 && (pairs.length > 1 || losses.size + others.size === 2))
      return [{ step, mean: mean(pairs), spread: deviation(pairs), paired: pairs.length }];
    const [a, b] = [[...losses.values()], [...others.values()]];
    const spreads = [deviation(a), deviation(b)].filter((one) => one !== undefined);
    return [{ step, mean: mean(a) - mean(b), spread: spreads.length > 0 ? Math.hypot(...spreads) : undefined, paired: 0 }];
  });
  return points.sort((a, b) => a.step - b.step);
}

/** Validation losses of a group by step and seed. */
function lossesOf(runs: readonly ReportRun[], group: RunGroup): Map<number, Map<unknown, number>> {
  const byStep = new Map<number, Map<unknown, number>>();
  for (const index of group.runs) {
    const run = runs[index];
    for (const { step, loss } of run?.evaluations ?? []) {
      if (!Number.isFinite(loss)) continue;
      byStep.set(step, (byStep.get(step) ?? new Map()).set(run?.info?.settings.seed, loss));
    }
  }
  return byStep;
}

export const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Standard deviation of a sample; undefined of fewer than two values. */
export function deviation(values: readonly number[]): number | undefined {
  if (values.length < 2) return undefined;
  const center = mean(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - center) ** 2, 0) / (values.length - 1));
}
