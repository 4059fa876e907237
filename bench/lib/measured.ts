/** Figures of the documentation: files in docs/measured, which programs write and docs/scripts/write-tables.ts makes tables of. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';

/** When, where and on what figures were measured. */
export interface Run {
  /** In ISO 8601; the name of the run. */
  readonly date: string;
  /** What was built or run. */
  readonly commit: string;
  readonly machine: string;
  /** Versions of what computes. */
  readonly software: string;
  /** Smaller sizes than the figures' names say. */
  readonly isTrial?: boolean;
}

/** What was measured; the quantities of a part are told where it is measured. */
export interface Figure {
  readonly part: string;
  readonly name: string;
  readonly dtype?: string;
  readonly batch?: number;
  readonly length?: number;
  readonly threads?: number;
  readonly processes?: number;
  readonly seed?: string;
  readonly learningRate?: number;
  /** What it is measured beside. */
  readonly peer?: string;
  /** Where figures of several are in one file. */
  readonly processor?: string;
  readonly [quantity: string]: number | string | readonly (number | string)[] | undefined;
}

export interface Measured {
  readonly runs: readonly Run[];
  /** Each with the date of its run. */
  readonly figures: readonly (Figure & { readonly run: string })[];
}

type Identity = Pick<
  Figure,
  'part' | 'name' | 'dtype' | 'batch' | 'length' | 'threads' | 'processes' | 'seed' | 'learningRate' | 'peer' | 'processor'
>;

const keyOf = ({ part, name, dtype, batch, length, threads, processes, seed, learningRate, peer, processor }: Identity): string =>
  JSON.stringify([part, name, dtype, batch, length, threads, processes, seed, learningRate, peer, processor]);

/** The figure of a part that has this name, type, sizes and so on. */
export const findFigure = (
  { figures }: Measured,
  sought: Pick<Figure, 'part' | 'name' | 'dtype' | 'batch' | 'length'>,
): Measured['figures'][number] | undefined => figures.find((figure) => keyOf(figure) === keyOf(sought));

export const readMeasured = (file: string | URL): Measured =>
  existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Measured) : { runs: [], figures: [] };

/** To six digits where it is not an integer: more than any of them is repeatable. */
const rounded = (value: number): number => (Number.isInteger(value) ? value : Number(value.toPrecision(6)));

/** Puts figures into a file, in the place of those of the same identity; runs that no figure is of any more are left out. */
export function keepMeasured(file: string | URL, more: Measured): void {
  const before = readMeasured(file);
  const figures = [...new Map([...before.figures, ...more.figures].map((figure) => [keyOf(figure), figure])).values()];
  const runs = new Map([...before.runs, ...more.runs].map((run) => [run.date, run]));
  const dates = [...new Set(figures.map(({ run }) => run))].sort();
  const lines = [
    '{',
    '  "runs": [',
    dates.map((date) => `    ${JSON.stringify(runs.get(date))}`).join(',\n'),
    '  ],',
    '  "figures": [',
    figures
      .map((figure) => `    ${JSON.stringify(figure, (_, value) => (typeof value === 'number' ? rounded(value) : value))}`)
      .join(',\n'),
    '  ]',
    '}',
  ];
  writeFileSync(file, `${lines.join('\n')}\n`);
}
