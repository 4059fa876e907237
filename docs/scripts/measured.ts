/** Reading figures of docs/measured for tables. */
import { join } from 'node:path';
import { type Figure, findFigure, type Measured, readMeasured } from '../../bench/lib/measured';
import { root } from '../../scripts/lib/command.mjs';

export const measured = (name: string): Measured => readMeasured(join(root, 'docs', 'measured', name));

export function numberOf(all: Measured, sought: Figure, quantity: string): number | undefined {
  const value = findFigure(all, sought)?.[quantity];
  return typeof value === 'number' ? value : undefined;
}

/** Three digits, thousands with a comma. */
export function digits(value: number | undefined): string {
  if (value === undefined) return '';
  if (value >= 1000) return Number(value.toPrecision(3)).toLocaleString('en-US');
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

export const ratio = (one: number | undefined, other: number | undefined): string => (one && other ? (one / other).toFixed(2) : '');

/** Rows of which nothing but the first cells, the labels, is known are left out. */
export function tableOf(head: readonly string[], rows: readonly (readonly string[])[], labels = 1): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`.replaceAll(/\| {2}(?=\|)/g, '| ');
  const shown = rows.filter((row) => row.slice(labels).some((cell) => cell !== ''));
  if (shown.length === 0) return 'Not measured yet.';
  return [line(head), `|${head.map(() => '---|').join('')}`, ...shown.map(line)].join('\n');
}

/** When, of which commit, on what and with what. */
export function runTable(...all: readonly Measured[]): string {
  const rows = all
    .flatMap(({ runs }) => runs)
    .map(({ date, commit, machine, software }) => [...[`${date.slice(0, 16).replace('T', ' ')} UTC`, commit, machine, software]]);
  return tableOf(['run', 'of', 'on', 'with'], rows);
}
