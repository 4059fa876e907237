import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { capture, localBin, Trouble, tail } from './command.mjs';
import { publicPackages } from './workspace.mjs';

/** @typedef {Map<string, string>} Tarballs The path of each public package's tarball. */
/** @typedef {{ private?: boolean, type?: string, dependencies?: Record<string, string>, overrides?: Record<string, unknown> }} ConsumerManifest */

/** Builds every package. @param {NodeJS.ProcessEnv} env with pnpm on PATH, which turbo needs @param {readonly string[]} [options] of turbo */
export const buildAll = (env, options = []) =>
  capture([localBin('turbo'), 'run', 'build', '--output-logs=errors-only', ...options], { env });

/**
 * Packs one package as it would be published.
 * @param {NodeJS.ProcessEnv} env @param {import('./workspace.mjs').WorkspacePackage} one @param {string} folder where the tarball goes
 * @returns {Promise<string>} its path
 * @throws {Trouble}
 */
export async function pack(env, { folder: source, manifest }, folder) {
  const { code, output } = await capture(['pnpm', 'pack', '--pack-destination', folder], { cwd: source, env });
  if (code !== 0) throw new Trouble(`${manifest.name} could not be packed.`, 'see the message below', tail(output));
  return join(folder, `${manifest.name.replace('@', '').replace('/', '-')}-${manifest.version}.tgz`);
}

/** Packs every public package. @param {NodeJS.ProcessEnv} env @param {string} folder @returns {Promise<Tarballs>} */
export async function packAll(env, folder) {
  mkdirSync(folder, { recursive: true });
  /** @type {Tarballs} */
  const tarballs = new Map();
  for (const one of publicPackages()) tarballs.set(one.manifest.name, await pack(env, one, folder));
  return tarballs;
}

/**
 * A manifest in which our packages come from tarballs: those it names already, else `wanted`. The overrides make packages find each other there.
 * @param {ConsumerManifest} manifest @param {ReadonlyMap<string, string>} addresses by the name of the package @param {readonly string[]} [wanted]
 */
export function withTarballs(manifest, addresses, wanted = []) {
  const ours = Object.fromEntries(addresses);
  const named = Object.entries(manifest.dependencies ?? {}).map(([name, range]) => [name, ours[name] ?? range]);
  const added = wanted.map((name) => [name, ours[name]]);
  return { ...manifest, dependencies: Object.fromEntries([...named, ...added]), overrides: { ...manifest.overrides, ...ours } };
}

/**
 * Writes or completes the package.json of a folder. @param {string} folder @param {(manifest: ConsumerManifest) => ConsumerManifest} change
 * @throws {Trouble} where the one that is there cannot be read
 */
export function changeManifest(folder, change) {
  const path = join(folder, 'package.json');
  /** @type {ConsumerManifest} */
  let manifest = { private: true, type: 'module' };
  if (existsSync(path))
    try {
      manifest = JSON.parse(readFileSync(path, 'utf8'));
    } catch (error) {
      throw new Trouble(`${path} is no JSON.`, 'correct it, or name another folder', String(error));
    }
  writeFileSync(path, `${JSON.stringify(change(manifest), null, 2)}\n`);
}
