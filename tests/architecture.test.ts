import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { modelFor, SsmError } from '@densessm/ssm-core';
import { getKernelsForBackend } from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { root } from '../scripts/lib/command.mjs';
import { readManifest, workspacePackages } from '../scripts/lib/workspace.mjs';
import { isRelative, packageOf, sourceFiles } from './house';

const SCOPE = '@densessm/';
/** The package that people install has a name of its own on npm. */
const FRONT_DOOR = 'densessm';
const TFJS_CORE = '@tensorflow/tfjs-core';
/** No backend, and the peer of one package. */
const TFJS_LAYERS = '@tensorflow/tfjs-layers';

/** An arrow is "may import". Some of these packages are still to come. */
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  'ssm-core': [],
  kernels: ['ssm-core'],
  'dense-connect': ['ssm-core', 'kernels'],
  retnet: ['ssm-core', 'kernels', 'dense-connect'],
  mamba: ['ssm-core', 'kernels', 'dense-connect'],
  tokenizer: [],
  checkpoint: ['ssm-core'],
  generate: ['ssm-core', 'kernels'],
  train: ['ssm-core', 'kernels', 'checkpoint'],
  server: ['ssm-core', 'tokenizer', 'generate'],
  distributed: ['ssm-core'],
  layers: ['ssm-core', 'kernels', 'dense-connect', 'mamba', 'retnet'],
  'ai-sdk': ['tokenizer', 'generate'],
  langchain: ['ssm-core', 'tokenizer', 'generate'],
  testing: ['ssm-core', 'kernels'],
  inspect: ['ssm-core', 'dense-connect'],
  'runtime-node': ['ssm-core', 'kernels', 'checkpoint'],
  'runtime-web': ['ssm-core', 'kernels', 'checkpoint'],
  [FRONT_DOOR]: [
    ...['ssm-core', 'kernels', 'checkpoint', 'mamba', 'retnet', 'tokenizer', 'generate', 'train', 'inspect'],
    ...['runtime-node', 'runtime-web', 'trainer'],
  ],
};
/** Private packages and the applications look at everything. */
const MAY_IMPORT_ANYTHING = ['conformance', 'bench', 'trainer', 'demo'];
const MODELS = ['retnet', 'mamba'];
/** The only packages that name a backend. */
const RUNTIMES = ['runtime-node', 'runtime-web'];
/** What a package for every platform has for Node, behind an entry of its own. */
const NODE_ENTRY = 'packages/server/src/node/';
const NODE_ONLY = ['runtime-node', 'distributed', 'conformance', 'bench', 'trainer', FRONT_DOOR];

/** The site imports what its pages show; building it checks that. */
const SITE = '@densessm/docs';
const SITE_SOURCES = ['docs/figures', 'docs/scripts', 'docs/widgets', 'docs/.vitepress/markdown', 'docs/.vitepress/theme'];

const houses = workspacePackages().filter(({ manifest }) => manifest.name !== SITE);
const packages = houses.map(({ folder, manifest }) => {
  const name = manifest.name.replace(SCOPE, '');
  const path = folder.slice(root.length + 1).replaceAll('\\', '/');
  const files = sourceFiles(existsSync(join(folder, 'src')) ? `${path}/src` : path);
  return { name, folder, path, manifest, files, sources: files.filter(({ isTest }) => !isTest) };
});
const published = packages.filter(({ manifest }) => manifest.private !== true);
const known = packages.filter(({ name }) => !MAY_IMPORT_ANYTHING.includes(name));

/** `file: what` for everything that a rule forbids, so that a failure names its place. */
const offences = (list: typeof packages, forbidden: (specifier: string, name: string) => boolean): string[] =>
  list.flatMap(({ name, sources }) =>
    sources.flatMap(({ path, imports }) => imports.filter((one) => forbidden(one, name)).map((one) => `${path}: ${one}`)),
  );

describe('the house', () => {
  it('knows every package', () => {
    expect(known.filter(({ name }) => !(name in ARROWS)).map(({ name }) => name)).toEqual([]);
    expect(packages.every(({ manifest }) => manifest.name.startsWith(SCOPE) || manifest.name === FRONT_DOOR)).toBe(true);
  });

  it('follows the arrows in every package.json', () => {
    const ours = ({ manifest }: (typeof packages)[number]) =>
      Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies }).filter((one) => one.startsWith(SCOPE));
    const wrong = known.flatMap((one) =>
      ours(one)
        .filter((dependency) => !ARROWS[one.name]?.includes(dependency.slice(SCOPE.length)))
        .map((dependency) => `${one.name} -> ${dependency}`),
    );
    expect(wrong).toEqual([]);
  });

  it('has no cycle among the arrows', () => {
    const reaches = (from: string, to: string): boolean => (ARROWS[from] ?? []).some((next) => next === to || reaches(next, to));
    expect(Object.keys(ARROWS).filter((name) => reaches(name, name))).toEqual([]);
  });

  it('imports only what a package declares, and declares nothing it does not import', () => {
    for (const { name, manifest, sources } of packages) {
      const used = new Set(
        sources.flatMap(({ imports }) => imports.filter((one) => !isRelative(one) && !one.startsWith('node:')).map(packageOf)),
      );
      used.delete(manifest.name); // a package may look for its own files by its name
      if (name === FRONT_DOOR) used.add(TFJS_CORE); // the peer of its packages, which it brings along
      const declared = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies });
      expect([...used].sort(), `${name}: imports and declarations`).toEqual(declared.sort());
    }
  });
});

describe('a source file', () => {
  it('imports another package only through its exports', () => {
    const exportsOf = new Map(packages.map(({ folder, manifest }) => [manifest.name, entryPoints(folder, manifest.name)]));
    expect(offences(packages, (one) => one.startsWith(SCOPE) && !exportsOf.get(packageOf(one))?.includes(one))).toEqual([]);
    expect(offences(packages, (one) => isRelative(one) && /(^|\/)(packages|apps|dist|src)\//.test(one))).toEqual([]);
  });

  it('names a backend only in a runtime', () => {
    const others = known.filter(({ name }) => !RUNTIMES.includes(name));
    expect(offences(others, (one) => one.startsWith('@tensorflow/') && ![TFJS_CORE, TFJS_LAYERS].includes(one))).toEqual([]);
    expect(offences(published, (one) => one.startsWith(`${TFJS_CORE}/`))).toEqual([]);
  });

  it('names a model only outside runtimes', () => {
    const runtimes = packages.filter(({ name }) => RUNTIMES.includes(name));
    expect(offences(runtimes, (one) => MODELS.includes(packageOf(one).slice(SCOPE.length)))).toEqual([]);
  });

  it('needs Node only where the package is for Node', () => {
    const anywhere = packages.filter(({ name }) => !NODE_ONLY.includes(name));
    const found = offences(anywhere, (one) => one.startsWith('node:'));
    expect(found.filter((place) => !place.startsWith(NODE_ENTRY))).toEqual([]);
  });

  it('has at most 300 lines', () => {
    const files = [...packages.flatMap((one) => one.files), ...['scripts', 'tests', ...SITE_SOURCES].flatMap(sourceFiles)];
    expect(files.filter(({ lines }) => lines > 300).map(({ path, lines }) => `${path}: ${lines}`)).toEqual([]);
  });
});

describe('importing a model', () => {
  it('registers no model and no kernel', async () => {
    const kernels = () => ['cpu', 'wasm'].map((backend) => getKernelsForBackend(backend).length);
    const before = kernels();
    const imported = await Promise.all([import('@densessm/retnet'), import('@densessm/mamba')]);
    expect(imported.length).toBe(MODELS.length);
    expect(kernels()).toEqual(before);
    for (const model_type of ['retnet', 'mamba']) expect(() => modelFor({ model_type })).toThrow(SsmError);
  });
});

describe('a published package', () => {
  it.each(published.map((one) => [one.name, one] as const))(
    '%s has README, license, exports, types and an account of its changes',
    (_, one) => {
      const manifest = JSON.parse(readFileSync(join(one.folder, 'package.json'), 'utf8'));
      expect(manifest).toMatchObject({ license: 'MIT', type: 'module', sideEffects: false, engines: { node: '>=20.19' } });
      const entry = (name: string) => ({
        [`${SCOPE}source`]: `./src/${name}.ts`,
        types: `./dist/${name}.d.ts`,
        default: `./dist/${name}.js`,
      });
      expect(manifest.exports['.']).toEqual(one.name === FRONT_DOOR ? { browser: entry('browser'), ...entry('node') } : entry('index'));
      expect(existsSync(join(one.folder, 'README.md')), 'README.md').toBe(true);
      const hasChanges =
        manifest.version === '0.0.0' ? changesets().includes(one.manifest.name) : existsSync(join(one.folder, 'CHANGELOG.md'));
      expect(hasChanges, 'a changeset before the first release, a CHANGELOG after it').toBe(true);
    },
  );

  it('is installed by the consumer that loads every package', () => {
    const { dependencies = {} } = readManifest(join(root, 'tests', 'consumers', 'node-esm'));
    const ours = Object.keys(dependencies).filter((name) => name.startsWith(SCOPE) || name === FRONT_DOOR);
    expect(ours.sort()).toEqual(published.map(({ manifest }) => manifest.name).sort());
  });
});

/** The names under which a package may be imported. */
function entryPoints(folder: string, name: string): string[] {
  const { exports } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { exports?: Record<string, unknown> };
  return Object.keys(exports ?? {}).map((entry) => `${name}${entry.slice(1)}`);
}

/** The packages that the changesets speak of. */
function changesets(): string[] {
  const folder = join(root, '.changeset');
  const files = readdirSync(folder).filter((file) => file.endsWith('.md') && file !== 'README.md');
  return files.flatMap((file) =>
    [...readFileSync(join(folder, file), 'utf8').matchAll(/^['"](.+)['"]: /gm)].map((match) => match[1] ?? ''),
  );
}
