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
for (const project of ['tsconfig.json', 'tsconfig.node.json']) {
  const tsc = spawnSync(
    process.execPath,
    ['node_modules/typescript/bin/tsc', '--noEmit', '--pretty', 'false', '-p', `docs/samples/${project}`],
    { cwd: root },
  );
  if (tsc.status !== 0) problems.push(`docs/samples: ${tsc.stdout}`);
}
const pages = chromium === '' ? undefined : await checkPages(dist, base, chromium);
problems.push(...(pages?.problems ?? []));

for (const problem of problems) process.stderr.write(`${problem}\n`);
const looked = pages === undefined ? 'no Chromium: pages NOT CHECKED' : `axe on ${pages.views} views`;
process.stdout.write(`site: ${links.pages} pages, ${links.count} links, ${looked}\n`);
process.exitCode = problems.length > 0 ? 1 : 0;
