/** The tables of docs/quantized.md, from docs/measured/quantized.json (bench/quantized.ts). */
import type { Measured } from '../../bench/lib/measured';
import { measured, numberOf, runTable, tableOf } from './measured';

const TYPES = ['f32', 'bf16', 'int8', 'int4'] as const;
const [FIRST, ...OTHERS] = ['1337', '1', '2'];

export const perplexityOf = (all: Measured, part: string, name: string, dtype: string, seed = FIRST): number | undefined =>
  numberOf(all, { part, name, dtype, seed }, 'perplexity');

/** Against the same model in float32, in percent. */
export function changeOf(all: Measured, part: string, name: string, dtype: string, seed = FIRST): string {
  const [before, after] = ['f32', dtype].map((type) => perplexityOf(all, part, name, type, seed));
  if (before === undefined || after === undefined || dtype === 'f32') return '';
  const change = 100 * (after / before - 1);
  return `${change < 0 ? '−' : '+'}${Math.abs(change).toFixed(3)} %`;
}

function fileTable(all: Measured): string {
  const rows = ['Mamba', 'DenseRetNet'].flatMap((name) =>
    TYPES.map((dtype) => {
      const bytes = numberOf(all, { part: 'file', name, dtype, seed: FIRST }, 'bytes');
      return [
        ...[dtype === 'f32' ? name : '', dtype, bytes === undefined ? '' : `${(bytes / 1e6).toFixed(2)} MB`],
        ...[perplexityOf(all, 'file', name, dtype)?.toFixed(4) ?? '', changeOf(all, 'file', name, dtype)],
      ];
    }),
  );
  return tableOf(['model', 'weights', 'file', 'perplexity per letter', 'change'], rows, 2);
}

function seedTable(all: Measured): string {
  const rows = ['Mamba', 'DenseRetNet'].flatMap((name) =>
    OTHERS.map((seed) => [name, seed, ...TYPES.slice(1).map((dtype) => changeOf(all, 'file', name, dtype, seed))]),
  );
  return tableOf(['change of perplexity', 'seed', ...TYPES.slice(1)], rows, 2);
}

const decoderTable = (all: Measured): string =>
  tableOf(
    ['Mamba, the first 20,000 letters', ...TYPES],
    [['perplexity of a decoder', ...TYPES.map((dtype) => perplexityOf(all, 'decoder', 'Mamba', dtype)?.toFixed(4) ?? '')]],
  );

export function quantizedTables(): Readonly<Record<string, string>> {
  const all = measured('quantized.json');
  return { files: fileTable(all), seeds: seedTable(all), decoder: decoderTable(all), runs: runTable(all) };
}
