/**
 * `npm run program -- docs/scripts/check.ts BASE CHROMIUM`: what must hold of the built site. Without a Chromium its links, the types of its programs and what its pages load are checked, and
 * the last line says what was not.
 */
import { join } from 'node:path';
import { root } from '../../scripts/lib/command.mjs';
import { brokenLinks } from './check-links';
import { checkPages } from './check-pages';
import { pagesWithTensors } from './check-tensors';
import { typeErrors } from './check-types';

const [base = '/', chromium = ''] = process.argv.slice(2);
const dist = join(root, 'docs', '.vitepress', 'dist');
const problems: string[] = [];

const links = brokenLinks(dist, base);
problems.push(...links.broken);
const programs = typeErrors();
problems.push(...programs.errors, ...pagesWithTensors(dist));
const pages = chromium === '' ? undefined : await checkPages(dist, base, chromium);
problems.push(...(pages?.problems ?? []));

for (const problem of problems) process.stderr.write(`${problem}\n`);
const looked = pages === undefined ? 'no Chromium: pages NOT CHECKED' : `axe on ${pages.views} views`;
process.stdout.write(`site: ${links.pages} pages, ${links.count} links, types of ${programs.count} programs, ${looked}\n`);
process.exitCode = problems.length > 0 ? 1 : 0;
