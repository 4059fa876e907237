import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { ReportAssets } from './page/page';

/** The modules of the page's script, each behind those that it imports. */
const SCRIPTS = ['report-numbers.js', 'report.js', 'report-page.js'];

/** The files that a report holds within itself. They are found through the package's own name, from its sources as from its build. */
export async function readAssets(): Promise<ReportAssets> {
  const require = createRequire(import.meta.url);
  const own = join(dirname(require.resolve('@densessm/trainer/package.json')), 'assets');
  const [chartScript, chartStyle, style, ...scripts] = await Promise.all([
    readFile(require.resolve('uplot/dist/uPlot.iife.min.js'), 'utf8'),
    readFile(require.resolve('uplot/dist/uPlot.min.css'), 'utf8'),
    readFile(join(own, 'report.css'), 'utf8'),
    ...SCRIPTS.map((name) => readFile(join(own, name), 'utf8')),
  ]);
  return { chartScript, chartStyle, script: joined(scripts), style };
}

/** One script of several modules: a page that is one file cannot import. */
const joined = (modules: readonly string[]): string =>
  modules.map((text) => text.replaceAll(/^import .* from '\.\/.*';$/gm, '').replaceAll(/^export (?=const|function)/gm, '')).join('\n');
