import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { capture, childEnvironment, root, toolsFolder } from './command.mjs';
import { npmInstall } from './npm.mjs';

/** The version that package.json pins as `packageManager`. */
export function pinnedPnpm() {
  const { packageManager } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  return String(packageManager).split('@')[1] ?? '';
}

const folderOf = (/** @type {string} */ version) => join(toolsFolder, `pnpm-${version}`);
const binOf = (/** @type {string} */ version) => join(folderOf(version), 'node_modules', '.bin');

/**
 * The environment in which `pnpm` is the pinned version: the one on PATH if it is that, else one that npm puts into
 * node_modules/.tools. Corepack is not asked, since it may be missing and may want to download by itself.
 * @param {(line: string) => void} say
 * @returns {Promise<NodeJS.ProcessEnv>}
 */
export async function pnpmEnvironment(say) {
  const version = pinnedPnpm();
  if (!existsSync(join(binOf(version), 'pnpm'))) {
    if (await isOnPath(version)) return childEnvironment();
    say(`fetching pnpm ${version} from the npm registry into node_modules/.tools`);
    await fetchPnpm(version);
  }
  return childEnvironment([binOf(version)]);
}

/** Asked outside the repository and without network: neither pnpm nor corepack may fetch another version to answer. */
async function isOnPath(/** @type {string} */ version) {
  const env = { ...childEnvironment(), COREPACK_ENABLE_NETWORK: '0', npm_config_manage_package_manager_versions: 'false' };
  const { code, stdout } = await capture(['pnpm', '--version'], { cwd: tmpdir(), env });
  return code === 0 && stdout.trim() === version;
}

async function fetchPnpm(/** @type {string} */ version) {
  const folder = folderOf(version);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
  await npmInstall(folder, [`pnpm@${version}`]);
}
