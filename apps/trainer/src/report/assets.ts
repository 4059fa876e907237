import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { ReportAssets } from './page/page';

/** The files that a report holds within itself. They are found through the package's own name, from its sources as from its build. */
export async function readAssets(): Promise<ReportAssets> {
  const require = createRequire(import.meta.url);
  const own = join(dirname(require.resolve('@densessm/trainer/package.json')), 'assets');
  const [chartScript, chartStyle, script, style] = await Promise.all([
    readFile(require.resolve('uplot/dist/uPlot.iife.min.js'), 'utf8'),
    readFile(require.resolve('uplot/dist/uPlot.min.css'), 'utf8'),
    readFile(join(own, 'report.js'), 'utf8'),
    readFile(join(own, 'report.css'), 'utf8'),
  ]);
  return { chartScript, chartStyle, script, style };
}
