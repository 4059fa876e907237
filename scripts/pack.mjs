// `npm run pack -- DIR`: builds and packs every package, and makes the package.json of DIR use them, until they are published on npm.
import { join, relative, resolve } from 'node:path';
import { runMain, Trouble, tail } from './lib/command.mjs';
import { setup } from './setup.mjs';

const TARBALLS = 'densessm-packages';

await runMain(async () => {
  const [given, ...more] = process.argv.slice(2);
  if (given === undefined || more.length > 0)
    throw new Trouble(given === undefined ? 'no folder was named.' : 'more than one folder was named.', 'npm run pack -- ../my-project');
  const target = resolve(process.env.INIT_CWD ?? process.cwd(), given);
  const env = await setup();
  const { buildAll, changeManifest, packAll, withTarballs } = await import('./lib/pack.mjs');
  process.stdout.write('pack   building all packages\n');
  const { code, output } = await buildAll(env);
  if (code !== 0) throw new Trouble('the packages could not be built.', 'see the message below', tail(output, 80));
  const tarballs = await packAll(env, join(target, TARBALLS));
  const addresses = new Map([...tarballs].map(([name, path]) => [name, `file:${relative(target, path).replaceAll('\\', '/')}`]));
  changeManifest(target, (manifest) => withTarballs(manifest, addresses, ['densessm']));
  process.stdout.write(
    `pack   ${tarballs.size} packages are in ${join(target, TARBALLS)}, and ${join(target, 'package.json')} uses them\n`,
  );
  process.stdout.write(`next   cd ${given} && npm install\n`);
});
