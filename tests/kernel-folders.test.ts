import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { root } from '../scripts/lib/command.mjs';
import { workspacePackages } from '../scripts/lib/workspace.mjs';
import { type SourceFile, sourceFiles } from './house';

const KERNELS = 'packages/kernels/src';
const files = sourceFiles(KERNELS).filter(({ isTest }) => !isTest);

/** What belongs to one backend: its folder, and its versions of operations. */
const backendOf = (path: string): string | undefined =>
  /\/backends\/([^/]+)\/|\/operations\/[^/]+\/(wasm|webgpu)\//.exec(path)?.slice(1).find(Boolean);

/** The entries, which say what a user of one backend gets. */
const isEntry = (path: string): boolean => dirname(path) === KERNELS;

/** A relative import as a path from the root, without its ending. */
const target = ({ path }: SourceFile, specifier: string): string => join(dirname(path), specifier).replaceAll('\\', '/');

describe('the folders of kernels', () => {
  const arrows = files.flatMap((file) =>
    file.imports
      .filter((one) => one.startsWith('.'))
      .map((one) => ({ from: file.path, to: target(file, one), isEntry: isEntry(file.path) })),
  );

  it('keep backends out of operations and of neutral folders', () => {
    const wrong = arrows.filter(({ from, to, isEntry }) => !isEntry && backendOf(from) === undefined && backendOf(`${to}/`) !== undefined);
    expect(wrong.map(({ from, to }) => `${from} -> ${to}`)).toEqual([]);
    expect(arrows.some(({ from, to }) => backendOf(from) === 'wasm' && backendOf(`${to}/`) === 'wasm')).toBe(true);
  });

  it('keep one backend out of another', () => {
    const wrong = arrows.filter(({ from, to }) => {
      const [mine, other] = [backendOf(from), backendOf(`${to}/`)];
      return mine !== undefined && other !== undefined && mine !== other;
    });
    expect(wrong.map(({ from, to }) => `${from} -> ${to}`)).toEqual([]);
  });

  it('leave addresses and the heap to backends/wasm and operations/*/wasm', () => {
    const knows = ({ text }: SourceFile): boolean => /\bheap\.|\bmemoryOffset\b|\.address\b|\baddress(Of|OrNone)?\(/.test(text);
    expect(files.filter((file) => backendOf(file.path) !== 'wasm' && knows(file)).map(({ path }) => path)).toEqual([]);
    expect(files.filter((file) => backendOf(file.path) === 'wasm').some(knows)).toBe(true);
  });
});

/** The file that a relative import means, among those of the house. */
function resolved(known: ReadonlyMap<string, unknown>, path: string): string | undefined {
  const plain = path.replace(/\.m?js$/, '');
  return [path, `${plain}.ts`, `${plain}.mjs`, `${path}/index.ts`].find((one) => known.has(one));
}

/** Circles of imports by value or type, each as the files on its way. */
function circles(all: readonly SourceFile[]): string[] {
  const byPath = new Map(all.map((file) => [file.path, file]));
  const found: string[] = [];
  const done = new Set<string>();
  const visit = (path: string, way: readonly string[]): void => {
    if (way.includes(path)) {
      found.push([...way.slice(way.indexOf(path)), path].join(' -> '));
      return;
    }
    if (done.has(path)) return;
    const file = byPath.get(path) as SourceFile;
    for (const one of file.imports.filter((name) => name.startsWith('.'))) {
      const next = resolved(byPath, target(file, one));
      if (next) visit(next, [...way, path]);
    }
    done.add(path);
  };
  for (const { path } of all) visit(path, []);
  return found;
}

describe('the files of a package', () => {
  const own = ['kernels', 'testing', 'mamba', 'retnet', 'dense-connect'];
  const folders = workspacePackages()
    .map(({ folder }) => relative(root, folder).replaceAll('\\', '/'))
    .filter((folder) => own.includes(folder.replace('packages/', '')));

  it.each(folders)('do not import each other in circles, nor for types: %s', (folder) => {
    const all = sourceFiles(`${folder}/src`).filter(({ path }) => !/assembly[^/]*\.ts$/.test(path));
    expect(all.length).toBeGreaterThan(1);
    expect(circles(all)).toEqual([]);
  });
});
