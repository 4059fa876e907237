import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';

export const RESULTS = new URL('../results/', import.meta.url);

export const machine = () => ({
  cpu: cpus()[0]?.model ?? 'unknown',
  cores: availableParallelism(),
  memoryGiB: Math.round(totalmem() / 2 ** 30),
  load: loadavg()[0],
  platform: `${process.platform} ${process.arch}`,
  node: process.versions.node,
});

/** The commit that was measured, marked where the tree holds more than it. */
export function commit(): string {
  const git = (...command: string[]) => execFileSync('git', command, { cwd: new URL('.', import.meta.url), encoding: 'utf8' }).trim();
  try {
    return `${git('rev-parse', '--short', 'HEAD')}${git('status', '--porcelain', '--untracked-files=no') ? ' and changes' : ''}`;
  } catch {
    return 'unknown';
  }
}

/** Keeps a report in `results`, named after what was measured and when; the file. */
export function keepResults(name: string, report: { date: string }): URL {
  mkdirSync(RESULTS, { recursive: true });
  const file = new URL(`${name}-${report.date.slice(0, 19).replaceAll(':', '-')}.json`, RESULTS);
  writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`);
  return file;
}
