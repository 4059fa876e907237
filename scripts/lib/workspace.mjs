import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './command.mjs';

/**
 * @typedef {object} Manifest The parts of a package.json that the scripts read.
 * @property {string} name
 * @property {string} version
 * @property {boolean} [private]
 * @property {Record<string, string>} [scripts]
 * @property {Record<string, string>} [dependencies]
 * @property {Record<string, string>} [devDependencies]
 * @property {Record<string, string>} [peerDependencies]
 * @typedef {{ folder: string, manifest: Manifest }} WorkspacePackage
 */

/** @returns {Manifest} */
export const readManifest = (/** @type {string} */ folder) => JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));

/**
 * Every package of the workspace, in the order of pnpm-workspace.yaml and of the alphabet.
 * @returns {WorkspacePackage[]}
 */
export function workspacePackages() {
  const yaml = readFileSync(join(root, 'pnpm-workspace.yaml'), 'utf8');
  const block = /^packages:\n((?: +- .+\n?)+)/m.exec(yaml)?.[1] ?? '';
  const patterns = [...block.matchAll(/- ["']?([^"'\s]+)/g)].map((match) => match[1] ?? '');
  return patterns
    .flatMap((pattern) => (pattern.endsWith('/*') ? foldersIn(join(root, pattern.slice(0, -2))) : [join(root, pattern)]))
    .filter((folder) => existsSync(join(folder, 'package.json')))
    .map((folder) => ({ folder, manifest: readManifest(folder) }));
}

/** The packages that are published. */
export const publicPackages = () => workspacePackages().filter(({ manifest }) => manifest.private !== true);

const foldersIn = (/** @type {string} */ folder) =>
  existsSync(folder)
    ? readdirSync(folder)
        .sort()
        .map((name) => join(folder, name))
    : [];
