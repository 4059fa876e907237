/**
 * `npm run docs` serves the site while one writes; `npm run docs:build` builds it into docs/.vitepress/dist. Both make the pages of the command and the
 * API first; `-- --no-api` keeps those of the API that are there.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../scripts/lib/command.mjs';
import { writeApiPages } from './api-pages';
import { writeCommandPages } from './command-pages';
import { writeElements } from './elements';

const docs = join(root, 'docs');
const [mode = 'dev', ...flags] = process.argv.slice(2);

const say = (text: string): void => void process.stdout.write(`docs  ${text}\n`);

const started = performance.now();
const seconds = (): string => `${((performance.now() - started) / 1000).toFixed(0)} s`;
say(`${writeCommandPages(join(docs, 'command')).length} pages of the command`);
say(`elements of ${(await writeElements(join(docs, 'public'))) / 1000} kB, ${seconds()}`);
const api = join(docs, 'api');
if (!flags.includes('--no-api') || !existsSync(api)) say(`API of ${await writeApiPages(api)} entries, ${seconds()}`);

const vitepress = join(docs, 'node_modules', 'vitepress', 'bin', 'vitepress.js');
// most of what a build makes lives long: with the usual 16 MB the collector copies it again and again
const heap = '--max-semi-space-size=128';
const child = spawn(process.execPath, [heap, vitepress, mode, docs, ...flags.filter((one) => one !== '--no-api')], {
  cwd: docs,
  stdio: 'inherit',
});
process.exitCode = await new Promise<number>((resolve) => child.on('close', (code) => resolve(code ?? 1)));
if (mode === 'build' && process.exitCode === 0) say(`built in ${seconds()}: docs/.vitepress/dist`);
