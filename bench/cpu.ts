/**
 * `npm run bench:cpu`: speed and memory on this machine's processor, beside other implementations, as one table of ratios; also kept in
 * bench/results. README.md beside this file says what each section measures, its options, and how to install what it is compared with.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { startBackend } from '@densessm/runtime-node';
import { decode } from './cpu/decode';
import { dense } from './cpu/dense';
import { type Figure, forDocs, ratioOf, tableOf } from './cpu/figures';
import { memory } from './cpu/memory';
import { readOptions } from './cpu/options';
import { positions } from './cpu/positions';
import { prefill } from './cpu/prefill';
import { products } from './cpu/products';
import { ReaderProcess } from './cpu/reader-process';
import { type Run, type Section, say } from './cpu/section';
import { training } from './cpu/training';
import { keepForDocs } from './lib/keep';
import { commit, keepResults, machine } from './lib/results';

const SECTIONS: readonly Section[] = [decode, prefill, positions, dense, training, products, memory];

const options = readOptions();
const unknown = options.only.filter((name) => !SECTIONS.some((section) => section.name === name));
if (unknown.length > 0)
  throw new Error(`there is no section ${unknown.join(', ')}; there are ${SECTIONS.map(({ name }) => name).join(', ')}`);
const chosen = SECTIONS.filter(({ name }) => options.only.length === 0 || options.only.includes(name));
if (options.work !== '') mkdirSync(options.work, { recursive: true });
const work = options.work === '' ? mkdtempSync(join(tmpdir(), 'densessm-bench-')) : resolve(options.work);
if (options.work === '') process.on('exit', () => rmSync(work, { recursive: true, force: true }));
process.once('SIGINT', () => process.exit(130));
const run: Run = { options, work, notes: new Set(), details: {} };
const { reason } = await startBackend({ device: 'wasm', threads: Math.max(...options.threads) });
const { load, ...here } = machine();
console.log(`${here.cpu}, ${here.cores} cores, Node ${here.node}, load ${load?.toFixed(1)}; ${reason}\n`);
const figures: Figure[] = [];
const report = { date: new Date().toISOString(), commit: commit(), machine: machine(), reason, options };
for (const section of chosen) {
  const start = performance.now();
  say(`${section.name}: ${section.what}`);
  try {
    figures.push(...(await section.measure(run)));
  } catch (error) {
    run.notes.add(`${section.name} failed: ${error instanceof Error ? error.message : error}`);
    process.exitCode = 1;
  }
  await ReaderProcess.closeAll();
  say(`${section.name} took ${((performance.now() - start) / 1000).toFixed(0)} s`);
}
for (const line of tableOf(figures)) console.log(line);
for (const note of run.notes) console.log(`\n${note}`);
const measured = figures.map((figure) => ({ ...figure, ratio: ratioOf(figure) }));
const file = keepResults('cpu', { ...report, loadAtEnd: machine().load, figures: measured, details: run.details } as typeof report);
console.log(`\nkept in ${file.pathname}; load at the end ${machine().load?.toFixed(1)}`);
keepForDocs(report.date, reason, figures.map(forDocs));
