/**
 * `npm run program -- docs/scripts/run-examples.ts docs/guides/chat.md …`: runs every JavaScript block of some pages on the packages' sources and
 * compares what they print with what their comments say. `npm test` does the same for all pages on the packed packages.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { root } from '../../scripts/lib/command.mjs';

const consumer = join(root, 'tests', 'consumers', 'node-esm');
const folder = join(root, 'docs', '.examples'); // inside of docs, whose dependencies the programs import
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
cpSync(join(consumer, 'examples.mjs'), join(folder, 'examples.mjs'));
cpSync(join(consumer, 'models'), join(folder, 'models'), { recursive: true });
writeFileSync(
  join(folder, 'vitest.config.js'),
  "const resolve = { conditions: ['@densessm/source'] };\nexport default { resolve, ssr: { resolve }, test: { testTimeout: 120_000 } };\n",
); // not the repository's own
symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'junction'); // vitest, which blocks that are tests run in

const options = `--conditions=@densessm/source --import ${import.meta.resolve('tsx')}`;
const env = { ...process.env, NODE_OPTIONS: options, TSX_TSCONFIG_PATH: join(root, 'tsconfig.base.json') };
const failed = process.argv.slice(2).filter((page) => {
  process.stdout.write(`${page}  `);
  const command = ['examples.mjs', resolve(page)];
  return spawnSync(process.execPath, command, { cwd: folder, env, stdio: 'inherit' }).status !== 0;
});
if (failed.length > 0) {
  process.stdout.write(`\nfailed: ${failed.join(', ')}\n`);
  process.exitCode = 1;
}
