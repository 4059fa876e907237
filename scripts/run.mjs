// `node scripts/run.mjs FILE.ts [arguments]`: runs a TypeScript program of this repository on the packages' sources, after setup.
import { spawn } from 'node:child_process';
import { closeSync, fstatSync } from 'node:fs';
import { constants } from 'node:os';
import { join, resolve } from 'node:path';
import { isatty } from 'node:tty';
import { root, runMain, Trouble } from './lib/command.mjs';
import { setup } from './setup.mjs';

// Node aborts at exit where a terminal has gone away since it started, but leaves closed files alone.
process.on('exit', () => {
  for (const descriptor of [0, 1, 2])
    try {
      if (fstatSync(descriptor).isCharacterDevice() && !isatty(descriptor)) closeSync(descriptor);
    } catch {} // closed already
});

await runMain(async () => {
  const [file, ...parameters] = process.argv.slice(2);
  if (file === undefined) throw new Trouble('no program was named.', 'node scripts/run.mjs FILE.ts [arguments]');
  await setup();
  const command = ['--import', import.meta.resolve('tsx'), '--conditions=@densessm/source', resolve(root, file), ...parameters];
  const env = { ...process.env, TSX_TSCONFIG_PATH: join(root, 'tsconfig.base.json') };
  // npm changes to the root folder; paths among the arguments belong to the folder in which it was called.
  const child = spawn(process.execPath, command, { cwd: process.env.INIT_CWD ?? process.cwd(), env, stdio: 'inherit' });
  // The program decides what a signal means, and what it still has to save is waited for.
  for (const name of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'])) process.on(name, () => child.kill(name));
  process.exitCode = await new Promise((resolve) => {
    child.on('close', (code, signal) => resolve(code ?? 128 + (signal ? constants.signals[signal] : 0)));
  });
});
