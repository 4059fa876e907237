/**
 * `npm run program -- docs/scripts/check.ts BASE CHROMIUM`: what must hold of the built site. Without a Chromium its links and its samples are checked, and
 * the last line says what was not.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { root } from '../../scripts/lib/command.mjs';
import { brokenLinks } from './check-links';
import { checkPages } from './check-pages';

const [base = '/', chromium = ''] = process.argv.slice(2);
const dist = join(root, 'docs', '.vitepress', 'dist');
const problems: string[] = [];

const links = brokenLinks(dist, base);
problems.push(...links.broken);
problems.push(...sampleErrors());
const pages = chromium === '' ? undefined : await checkPages(dist, base, chromium);
problems.push(...(pages?.problems ?? []));

for (const problem of problems) process.stderr.write(`${problem}\n`);
const looked = pages === undefined ? 'no Chromium: pages NOT CHECKED' : `axe on ${pages.views} views`;
process.stdout.write(`site: ${links.pages} pages, ${links.count} links, ${looked}\n`);
process.exitCode = problems.length > 0 ? 1 : 0;

/** What tsc says about the samples for pages; it reads the packages' sources as well, which the phase `types` checks. */
function sampleErrors(): string[] {
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const { stdout } = spawnSync(process.execPath, [tsc, '--noEmit', '--pretty', 'false', '-p', 'docs/samples/browser'], {
    cwd: root,
    encoding: 'utf8',
  });
  return stdout.split('\n').filter((line) => line.startsWith('docs/samples/') || line.startsWith('error'));
}
