/** What a sweep found, for a terminal and for machines. */
import { alignTable } from '../output/table';
import { kebab } from '../settings/table';
import type { ReportRun } from './data/run';
import { parameterCharts, type SettingResult, settingsTable } from './data/settings';
import { loss, NOTHING } from './page/numbers';

/** A table of the settings, the best first, and one for each setting that varies beside another; empty where there is nothing to compare. */
export function settingsLines(runs: readonly ReportRun[], width?: number): string[] {
  const table = settingsTable(runs);
  if (table === undefined) return [];
  const { columns, rows } = table;
  const numbers = [0, 1, 2, 3].map((i) => columns.length + i);
  const head = [...columns.map(kebab), 'mean loss', 'spread', 'best', 'runs'];
  const row = ({ values, runs: all, results, mean, spread }: SettingResult): string[] => [
    ...values,
    ...[loss(mean), loss(spread), bestOf(results[0], runs), results.length === all ? String(all) : `${results.length} of ${all}`],
  ];
  const charts = columns.length > 1 ? parameterCharts(table) : [];
  const over = charts.flatMap(({ name, ticks, lines }) => {
    const mean = (line: (typeof lines)[number], at: number): string => loss(line.points.find((point) => point.at === at)?.mean);
    const others = columns
      .filter((column) => column !== name)
      .map(kebab)
      .join(', ');
    const body = lines.map((line) => [line.label, ...ticks.map(({ at }) => mean(line, at))]);
    const right = ticks.map((_, i) => i + 1);
    return ['', `mean loss over ${kebab(name)}`, ...alignTable([[others, ...ticks.map(({ label }) => label)], ...body], { right, width })];
  });
  return [...alignTable([head, ...rows.map(row)], { right: numbers, width }), ...over];
}

function bestOf(best: SettingResult['results'][number] | undefined, runs: readonly ReportRun[]): string {
  if (best === undefined) return NOTHING;
  const seed = runs.every(({ info }) => info?.settings.seed === runs[0]?.info?.settings.seed) ? '' : ` (seed ${best.seed})`;
  return `${loss(best.loss)}${seed}`;
}

/** The same as JSON; undefined where there is nothing to compare. */
export function settingsJson(runs: readonly ReportRun[]): object[] | undefined {
  const table = settingsTable(runs);
  return table?.rows.map(({ values, runs: all, results, mean, spread }) => ({
    settings: Object.fromEntries(table.columns.map((name, i) => [name, values[i]])),
    ...{ runs: all, mean, spread },
    best: results[0] && { ...results[0], run: runs[results[0].run]?.name },
    losses: results.map(({ seed, loss }) => ({ seed, loss })),
  }));
}
