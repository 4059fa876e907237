import { type Figure, keepMeasured } from './measured';
import { commit, machine } from './results';

/**
 * Keeps figures in the file that the variable FIGURES names (docs/measured/cpu.json), for which PROCESSOR says what the operating system does not, `AMD Zen 5` say:
 * docs/scripts/write-tables.ts makes tables of it. Does nothing without FIGURES.
 */
export function keepForDocs(date: string, reason: string, figures: readonly Figure[]): void {
  const { FIGURES, PROCESSOR } = process.env;
  if (!FIGURES) return;
  const { cpu, cores, load, node } = machine();
  const run = { date, commit: commit(), machine: `${cpu}, ${cores} cores, load ${load?.toFixed(1)}`, software: `Node ${node}; ${reason}` };
  keepMeasured(FIGURES, { runs: [run], figures: figures.map((figure) => ({ ...figure, processor: PROCESSOR ?? cpu, run: date })) });
  console.log(`${figures.length} figures kept in ${FIGURES}`);
}
