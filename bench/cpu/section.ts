import type { Figure } from './figures';
import type { Options } from './options';

/** What the sections of a run share. */
export interface Run {
  options: Options;
  /** A folder for models and programs, which goes when the run ends unless --work names it. */
  work: string;
  /** What is worth knowing beside the table. */
  notes: Set<string>;
  /** What a section measured beyond its figures, for the results. */
  details: Record<string, unknown>;
}

export interface Section {
  name: string;
  what: string;
  measure(run: Run): Promise<Figure[]>;
}

export const say = (line: string): void => {
  process.stderr.write(`  ${line}\n`);
};
