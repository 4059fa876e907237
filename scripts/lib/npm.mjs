import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { capture, Trouble } from './command.mjs';

/** The npm that belongs to this Node, as a command. */
function npmCommand() {
  const beside = dirname(process.execPath);
  const places = [
    process.env.npm_execpath ?? '',
    join(beside, 'node_modules', 'npm', 'bin', 'npm-cli.js'),
    join(beside, '..', 'lib', 'node_modules', 'npm', 'bin', 'npm-cli.js'),
  ];
  const script = places.find((place) => place.endsWith('npm-cli.js') && existsSync(place));
  return script ? [process.execPath, script] : ['npm'];
}

const UNREACHABLE =
  /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ENETUNREACH|EHOSTUNREACH|ETIMEDOUT|ERR_SOCKET_TIMEOUT|UND_ERR|META_FETCH_FAIL|fetch failed|SELF_SIGNED|UNABLE_TO_(GET|VERIFY)|E50\d|E40[137]\b/;

/**
 * The one message for a registry out of reach; undefined where a package manager failed for another reason.
 * @param {string} output
 */
export function registryTrouble(output) {
  const reasons = output.split('\n').filter((line) => UNREACHABLE.test(line));
  if (reasons.length === 0) return undefined;
  return new Trouble(
    'the npm registry cannot be reached, and what is installed here is not complete.',
    'check the network and `npm config get registry proxy https-proxy cafile`; then run the same command again',
    reasons.slice(0, 2).join('\n'),
  );
}

const QUIET = ['--no-save', '--no-package-lock', '--no-audit', '--no-fund', '--ignore-scripts', '--prefer-offline', '--fetch-retries=1'];

/**
 * Installs what a folder's package.json asks for, and `packages`, with npm.
 * @param {string} folder
 * @param {readonly string[]} [packages]
 * @throws {Trouble}
 */
export async function npmInstall(folder, packages = []) {
  const { code, output } = await capture([...npmCommand(), 'install', ...QUIET, ...packages], { cwd: folder });
  if (code === 0) return;
  throw registryTrouble(output) ?? new Trouble(`npm could not install ${packages.join(', ') || folder}.`, 'see its message below', output);
}
