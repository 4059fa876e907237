import { readFileSync } from 'node:fs';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { capture, localBin } from '../lib/command.mjs';
import { pack } from '../lib/pack.mjs';
import { publicPackages, readManifest } from '../lib/workspace.mjs';

/** @typedef {import('../lib/pack.mjs').Tarballs} Tarballs */

/**
 * Packs every public package as it would be published and asks publint and arethetypeswrong about each tarball.
 * @param {NodeJS.ProcessEnv} env with pnpm on PATH
 * @param {string} folder where the tarballs go
 * @param {Tarballs} tarballs is filled
 * @returns {Promise<import('../lib/phases.mjs').Outcome>}
 */
export async function packages(env, folder, tarballs) {
  const results = [];
  for (const { folder: source, manifest } of publicPackages()) {
    const tarball = await pack(env, { folder: source, manifest }, folder);
    tarballs.set(manifest.name, tarball);
    results.push({ name: `publint ${manifest.name}`, problems: await publintProblems(source, tarball) });
    results.push({ name: `attw ${manifest.name}`, problems: await attwProblems(tarball) });
    results.push({ name: `files of ${manifest.name}`, problems: await testFilesIn(tarball) });
  }
  const bad = results.filter(({ problems }) => problems !== '');
  return {
    passed: results.length - bad.length,
    failed: bad.length,
    note: `publint, attw: ${tarballs.size} packed packages`,
    output: bad.map(({ name, problems }) => `${name}\n${problems}`).join('\n\n'),
  };
}

/** @param {string} source @param {string} tarball */
async function publintProblems(source, tarball) {
  const file = readFileSync(tarball);
  const packed = file.buffer.slice(file.byteOffset, file.byteOffset + file.byteLength);
  const { messages } = await publint({ pack: { tarball: packed }, strict: true });
  const manifest = readManifest(source);
  return messages.map((message) => `${message.type}: ${formatMessage(message, manifest, { color: false })}`).join('\n');
}

async function attwProblems(/** @type {string} */ tarball) {
  const { code, output } = await capture([localBin('attw'), tarball, '--profile', 'esm-only', '--format', 'ascii', '--no-color']);
  return code === 0 ? '' : output;
}

/** Tests and what only they use have no place in a package. */
async function testFilesIn(/** @type {string} */ tarball) {
  const { stdout } = await capture(['tar', '-tzf', tarball]);
  return stdout
    .split('\n')
    .filter((path) => /\.(test|bench)\.ts$|test-support|__snapshots__|\/golden\/|\/fixtures\//.test(path))
    .join('\n');
}
