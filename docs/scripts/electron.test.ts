import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { root } from '../../scripts/lib/command.mjs';

const docs = join(root, 'docs');
const folder = mkdtempSync(join(docs, '.electron-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The sample as an application, with a stub in the place of Electron, which is not installed here. */
function writeApplication(): void {
  const samples = join(docs, 'samples');
  cpSync(join(samples, 'electron-main.ts'), join(folder, 'main.ts'));
  cpSync(join(samples, 'electron-preload.cjs'), join(folder, 'preload.cjs'));
  cpSync(join(root, 'tests', 'consumers', 'node-esm', 'models', 'whole'), join(folder, 'my-model'), { recursive: true });
  const electron = join(folder, 'node_modules', 'electron');
  mkdirSync(electron, { recursive: true });
  writeFileSync(join(electron, 'package.json'), '{ "name": "electron", "main": "index.mjs" }');
  cpSync(join(docs, 'scripts', 'electron', 'stub.mjs'), join(electron, 'index.mjs'));
  symlinkSync(join(root, 'packages', 'densessm'), join(folder, 'node_modules', 'densessm'), 'junction');
}

interface Said {
  readonly texts: readonly (readonly string[])[];
  readonly leftListening: number;
  readonly closed: { readonly parts: number; readonly end: string; readonly listeners: number };
}

/** Starts the application in another folder than its own, as a packaged one is. */
function run(): Said {
  const options = ['--import', import.meta.resolve('tsx'), '--conditions=@densessm/source'];
  const env = { ...process.env, TSX_TSCONFIG_PATH: join(root, 'tsconfig.base.json') };
  const said = execFileSync(process.execPath, [...options, join(folder, 'main.ts')], { cwd: root, env, encoding: 'utf8' });
  return JSON.parse(said.trim().split('\n').at(-1) ?? '') as Said;
}

it('sends texts of the sample for Electron from its main process through the preload script, until its window is closed', () => {
  writeApplication();
  const { texts, leftListening, closed } = run();
  const [first = [], second = []] = texts;
  expect(first.length).toBeGreaterThan(5);
  expect(first.join('')).toMatch(/^ there was a small state space model that read a long text/);
  expect(second.join('')).toMatch(/^ small state space model that read a long text/);
  expect(leftListening).toBe(0);
  expect(closed).toEqual({ parts: 1, end: 'fulfilled', listeners: 0 });
});

interface Manifest {
  readonly name: string;
  readonly dependencies?: Readonly<Record<string, string>>;
}

/** The folders of a package and of everything that installs with it. */
function installedWith(start: string, seen = new Map<string, string>()): Map<string, string> {
  const { name, dependencies = {} } = JSON.parse(readFileSync(join(start, 'package.json'), 'utf8')) as Manifest;
  seen.set(name, start);
  const require = createRequire(join(start, 'package.json'));
  for (const one of Object.keys(dependencies)) if (!seen.has(one)) installedWith(folderOf(one, require), seen);
  return seen;
}

/** The nearest folder of that name above what Node would look through. */
function folderOf(name: string, require: NodeJS.Require): string {
  for (const place of require.resolve.paths(name) ?? []) {
    try {
      return dirname(createRequire(join(place, name, 'package.json')).resolve('./package.json'));
    } catch {} // not here
  }
  throw new Error(`${name} is not installed`);
}

it('installs nothing that a packager would have to unpack', () => {
  const installed = installedWith(join(root, 'packages', 'densessm'));
  expect(installed.has('@tensorflow/tfjs-backend-wasm')).toBe(true);
  const foreign = [...installed].filter(([name]) => !/^(@densessm\/.+|densessm)$/.test(name)); // ours are JavaScript and WebAssembly, see the phase `packages`
  const native = foreign.flatMap(([name, place]) =>
    readdirSync(place, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.node'))
      .map((file) => `${name}/${file}`),
  );
  expect(native).toEqual([]);
});
