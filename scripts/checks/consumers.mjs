import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { findChromium } from '../lib/chromium.mjs';
import { capture, root, Trouble, tail, toolsFolder } from '../lib/command.mjs';
import { npmInstall } from '../lib/npm.mjs';
import { changeManifest, withTarballs } from '../lib/pack.mjs';
import { publicPackages } from '../lib/workspace.mjs';

/** @typedef {import('../lib/phases.mjs').Outcome} Outcome */
/** @typedef {import('../lib/pack.mjs').Tarballs} Tarballs */

/** The current long-term release, from the npm package `node`. */
const LONG_TERM_NODE = '24';
/** The package whose example {@link browserRuntime} runs in a page. */
const FOR_PAGES = '@densessm/runtime-web';

/**
 * Programs on the packed packages: plain ESM under this Node and under the long-term one, the README's five lines on folders
 * that Python saved, and every example of the packages' documents.
 * @param {string} folder @param {Tarballs} tarballs
 * @returns {Promise<Outcome>}
 */
export async function nodePrograms(folder, tarballs) {
  const [cwd, otherNode] = await Promise.all([installConsumer('node-esm', folder, tarballs), fetchNode(LONG_TERM_NODE)]);
  const readme = join(root, 'README.md');
  const forNode = publicPackages().filter(({ manifest }) => manifest.name !== FOR_PAGES);
  const documents = [readme, ...forNode.flatMap((one) => documentsIn(one.folder)), ...guides(join(root, 'docs'))];
  const programs = [
    ...[process.execPath, otherNode].map((node) => [node, 'main.mjs']),
    [process.execPath, 'five-lines.mjs', readme],
    ...documents.map((path) => [process.execPath, 'examples.mjs', path]),
  ];
  const results = [];
  for (const program of programs) results.push(await capture(program, { cwd }));
  const examples = results.reduce((sum, { stdout }) => sum + Number(/^(\d+) examples/m.exec(stdout)?.[1] ?? 0), 0);
  return outcome(results, `ESM program, also under Node ${LONG_TERM_NODE}; ${examples} examples in ${documents.length} documents`);
}

/** Pages of the site with programs, but those that are made from other sources. @returns {string[]} */
function guides(/** @type {string} */ folder) {
  const entries = readdirSync(folder, { withFileTypes: true }).filter(({ name }) => !/^(\.|node_modules$|api$|command$)/.test(name));
  return entries.flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return guides(path);
    return entry.name.endsWith('.md') && readFileSync(path, 'utf8').includes('\n```js\n') ? [path] : [];
  });
}

const documentsIn = (/** @type {string} */ folder) =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.md') && name !== 'CHANGELOG.md')
    .map((name) => join(folder, name));

/**
 * A Vite application on the packed packages: its types, its build and what the bundle holds.
 * @param {string} folder @param {Tarballs} tarballs
 * @returns {Promise<Outcome>}
 */
export async function viteApp(folder, tarballs) {
  const program = await installConsumer('vite-app', folder, tarballs);
  cpSync(join(root, 'examples', 'page'), join(program, 'page'), { recursive: true });
  cpSync(join(root, 'tests', 'consumers', 'node-esm', 'models', 'whole'), join(program, 'page-model'), { recursive: true });
  const typescript = await capture([process.execPath, 'node_modules/typescript/bin/tsc', '--pretty', 'false'], { cwd: program });
  const bundle = await capture([process.execPath, 'build.mjs'], { cwd: program });
  return outcome([typescript, bundle], `tsc and vite build: ${bundle.code === 0 ? tail(bundle.stdout, 1) : 'failed'}`);
}

/**
 * Sessions and their snapshots in a real browser, compared with Node. Uses what {@link viteApp} installed.
 * @param {string} folder
 */
export const browserSessions = (folder) => inChromium(folder, 'check.mjs', 'snapshots');

/**
 * The runtime for browsers in pages with and without threads, its README's example and `examples/page`. Uses what {@link viteApp} installed.
 * @param {string} folder
 */
export const browserRuntime = (folder) => inChromium(folder, 'runtime-check.mjs', 'runtime-web');

/**
 * Models, training and looking inside in a worker, in a page that stays free. Uses what {@link viteApp} installed.
 * @param {string} folder
 */
export const browserWorker = (folder) => inChromium(folder, 'worker-check.mjs', 'densessm/web');

/**
 * @param {string} folder @param {string} program @param {string} what
 * @returns {Promise<Outcome>}
 */
async function inChromium(folder, program, what) {
  const chromium = findChromium();
  if (chromium === undefined) {
    // where a machine vouches for a change, what it could not check has failed
    const failed = process.env.CI ? 1 : 0;
    return { passed: 0, failed, note: 'NOT CHECKED: there is no Chromium; install one, or name it in CHROMIUM' };
  }
  const result = await capture([process.execPath, join('browser', program), chromium], { cwd: join(folder, 'vite-app') });
  return outcome([result], result.code === 0 ? tail(result.stdout, 1) : `${what} in ${chromium}`);
}

/** @param {import('../lib/command.mjs').CommandResult[]} results @param {string} note */
function outcome(results, note) {
  const bad = results.filter(({ code }) => code !== 0);
  return { passed: results.length - bad.length, failed: bad.length, note, output: bad.map(({ output }) => tail(output, 80)).join('\n\n') };
}

/**
 * Copies a consumer to a folder of its own and installs it with npm; every package of ours comes from its tarball.
 * @param {string} name @param {string} folder @param {Tarballs} tarballs
 */
async function installConsumer(name, folder, tarballs) {
  const target = join(folder, name);
  cpSync(join(root, 'tests', 'consumers', name), target, { recursive: true });
  const addresses = new Map([...tarballs].map(([of, path]) => [of, pathToFileURL(path).href]));
  changeManifest(target, (manifest) => withTarballs(manifest, addresses));
  await npmInstall(target);
  return target;
}

/**
 * The executable of another Node, kept in node_modules/.tools. The package `node` is an installation script that asks npm
 * for the binary of this platform; newer npm runs no such scripts by itself, so it is called here.
 */
async function fetchNode(/** @type {string} */ version) {
  const folder = join(toolsFolder, `node-${version}`);
  const executable = join(folder, 'node_modules', 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
  if (existsSync(executable)) return executable;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
  await npmInstall(folder, [`node@${version}`]);
  const cwd = join(folder, 'node_modules', 'node');
  const { code, output } = await capture([process.execPath, 'installArchSpecificPackage.js'], { cwd });
  if (code !== 0 || !existsSync(executable)) throw new Trouble(`the npm package node@${version} did not install.`, 'see below', output);
  return executable;
}
