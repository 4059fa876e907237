/**
 * `npm run program -- docs/scripts/run-examples.ts docs/guides/chat.md …`: runs every JavaScript block of some pages on the packages' sources and
 * compares what they print with what their comments say. `npm test` does the same for all pages on the packed packages.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { root } from '../../scripts/lib/command.mjs';

const consumer = join(root, 'tests', 'consumers', 'node-esm');
const folder = join(root, 'docs', '.examples'); // inside of docs, whose dependencies the programs import
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
cpSync(join(consumer, 'examples.mjs'), join(folder, 'examples.mjs'));
cpSync(join(consumer, 'models'), join(folder, 'models'), { recursive: true });

const env = { ...process.env, TSX_TSCONFIG_PATH: join(root, 'tsconfig.base.json') };
const failed = process.argv.slice(2).filter((page) => {
  process.stdout.write(`${page}  `);
  const command = ['--import', import.meta.resolve('tsx'), '--conditions=@densessm/source', 'examples.mjs', resolve(page)];
  return spawnSync(process.execPath, command, { cwd: folder, env, stdio: 'inherit' }).status !== 0;
});
if (failed.length > 0) {
  process.stdout.write(`\nfailed: ${failed.join(', ')}\n`);
  process.exitCode = 1;
}
