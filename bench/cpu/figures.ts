import { alignTable } from '../../scripts/lib/table';
import type { Figure as Measured } from '../lib/measured';
import type { Times } from './rounds';

export interface Speed {
  /** In the fastest round, and at the median. */
  best: number;
  median: number;
}

/** One line of the table: what ours reaches and, where there is something beside it, the other and ours ÷ it. */
export interface Figure {
  section: string;
  what: string;
  dtype: string;
  threads: number;
  unit: string;
  ours: Speed;
  against?: { name: string; speed?: Speed };
  /** What the ratio should be, or ours where that is said with its unit. */
  aim?: string;
}

/** Of so many tokens, floating point operations and the like in the times of a round. */
export const speedOf = (work: number, { least, median }: Times): Speed => ({ best: (work * 1000) / least, median: (work * 1000) / median });

export const ratioOf = ({ ours, against }: Figure): number | undefined => against?.speed && ours.best / against.speed.best;

/** As docs/measured keeps it. */
export const forDocs = ({ section, what, dtype, threads, unit, ours, against }: Figure): Measured => ({
  ...{ part: section, name: what, dtype, threads, rate: ours.best, median: ours.median, unit },
  ...(against && { peer: against.name, peerRate: against.speed?.best, peerMedian: against.speed?.median }),
});

const digits = (value: number | undefined): string => (value === undefined ? '' : value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0));

function row(figure: Figure): string[] {
  const { section, what, dtype, threads, unit, ours, against, aim } = figure;
  const theirs = against === undefined ? ['', '', '', ''] : [against.name, ...speedCells(against.speed), digits(ratioOf(figure))];
  return [`${section}: ${what}`, dtype, String(threads), unit, ...speedCells(ours), ...theirs, aim ?? ''];
}

const speedCells = (speed: Speed | undefined): string[] => (speed ? [digits(speed.best), digits(speed.median)] : ['not here', '']);

const HEAD = ['', 'dtype', 'threads', 'unit', 'ours', 'median', 'beside', 'theirs', 'median', 'ours ÷ theirs', 'aim'];

export const tableOf = (figures: readonly Figure[]): string[] => alignTable([HEAD, ...figures.map(row)]);
