import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { capture, root, runMain, Trouble, toolsFolder } from './lib/command.mjs';
import { registryTrouble } from './lib/npm.mjs';
import { pnpmEnvironment } from './lib/pnpm.mjs';
import { workspacePackages } from './lib/workspace.mjs';

const STAMP = join(toolsFolder, 'installed');
const say = (/** @type {string} */ line) => process.stdout.write(`setup  ${line}\n`);

/**
 * Makes a fresh clone ready: pnpm, the locked dependencies and the generated sources. Needs nothing but Node and npm, and
 * does nothing where the lock file and the manifests are those of the last time.
 * @returns {Promise<NodeJS.ProcessEnv>} the environment in which `pnpm` is the pinned version
 * @throws {Trouble}
 */
export async function setup() {
  checkNode();
  const env = await pnpmEnvironment(say);
  await installDependencies(env);
  await generateSources(env);
  return env;
}

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  throw new Trouble(`Node ${process.versions.node} is too old.`, 'install Node 20.19 or newer from https://nodejs.org');
}

async function installDependencies(/** @type {NodeJS.ProcessEnv} */ env) {
  const wanted = fingerprint();
  if (isInstalled(wanted)) return;
  say('installing the locked dependencies with pnpm');
  const started = performance.now();
  rmSync(STAMP, { force: true });
  const command = [
    'pnpm',
    'install',
    '--frozen-lockfile',
    '--prefer-offline',
    '--reporter=append-only',
    '--config.confirm-modules-purge=false',
    '--config.fetch-retries=2',
    '--config.fetch-retry-mintimeout=2000',
  ];
  const { code, output } = await capture(command, { env, onLine: progress() });
  if (code !== 0) throw installTrouble(output);
  mkdirSync(toolsFolder, { recursive: true });
  writeFileSync(STAMP, wanted);
  say(`dependencies installed in ${((performance.now() - started) / 1000).toFixed(1)} s`);
}

/** Everything that decides what node_modules must hold. */
function fingerprint() {
  const hash = createHash('sha256').update(`${process.platform} ${process.arch} ${process.versions.modules}`);
  const folders = [root, ...workspacePackages().map(({ folder }) => folder)];
  const files = ['pnpm-lock.yaml', 'pnpm-workspace.yaml'].map((name) => join(root, name));
  for (const file of [...files, ...folders.map((folder) => join(folder, 'package.json'))]) {
    hash.update(`${file}\n`).update(readFileSync(file));
  }
  return hash.digest('hex');
}

function isInstalled(/** @type {string} */ wanted) {
  if (!existsSync(STAMP) || readFileSync(STAMP, 'utf8') !== wanted) return false;
  const needsModules = workspacePackages().filter(({ manifest }) => manifest.dependencies || manifest.devDependencies);
  return [root, ...needsModules.map(({ folder }) => folder)].every((folder) => existsSync(join(folder, 'node_modules')));
}

/** Passes on pnpm's progress every few seconds. */
function progress() {
  let last = performance.now();
  return (/** @type {string} */ line) => {
    const now = performance.now();
    if (!line.startsWith('Progress: ') || now - last < 3000) return;
    last = now;
    say(line.slice('Progress: '.length));
  };
}

function installTrouble(/** @type {string} */ output) {
  if (output.includes('ERR_PNPM_OUTDATED_LOCKFILE'))
    return new Trouble('pnpm-lock.yaml does not belong to the package.json files.', 'run `pnpm install` and commit pnpm-lock.yaml', output);
  const fix = 'see its message below; `rm -rf node_modules` and the same command start afresh';
  return registryTrouble(output) ?? new Trouble('pnpm could not install the dependencies.', fix, output);
}

/** What is generated, not committed: each package's scripts that begin with `build:`. They do nothing where their sources are unchanged. */
async function generateSources(/** @type {NodeJS.ProcessEnv} */ env) {
  for (const { folder, manifest } of workspacePackages()) {
    for (const [name, script] of Object.entries(manifest.scripts ?? {})) {
      if (!name.startsWith('build:')) continue;
      const { code, output } = await capture(script.split(' '), { cwd: folder, env });
      if (code !== 0) throw new Trouble(`${name} of ${manifest.name} failed.`, 'see the message below', output);
    }
  }
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  await runMain(async () => {
    await setup();
    say('ready');
  });
}
