// `npm run demo`: builds the demo and serves it on this machine.
import { join } from 'node:path';
import { root, runMain } from './lib/command.mjs';
import { setup } from './setup.mjs';

await runMain(async () => {
  await setup();
  const { build, preview } = await import('vite'); // exists only after setup
  const folder = join(root, 'apps', 'demo');
  // vite finds its plugins' settings from the folder it is run in
  process.chdir(folder);
  await build({ root: folder, logLevel: 'warn' });
  const server = await preview({ root: folder, preview: { host: '127.0.0.1', port: 4173 } });
  server.printUrls();
});
