import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { wasmKernels } from './versions';
import { checkExports, wasmKernel } from './wasm-kernel';

const source = join(dirname(fileURLToPath(import.meta.url)), '../..');
const assemblies = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((path) => /(^|[\\/])assembly[^\\/]*\.ts$/.test(path));

/** Parameters of every export of the assemblies, by its name: their names and types. */
const exported = new Map(
  assemblies.flatMap((path) =>
    [...readFileSync(join(source, path), 'utf8').matchAll(/^export function (\w+)\(([^)]*)\)/gm)].map(
      ([, name = '', list = '']) => [name, parametersOf(list)] as const,
    ),
  ),
);

function parametersOf(list: string): string[][] {
  const parameters = list.split(',').map((one) => one.split(':').map((word) => word.trim()));
  return parameters.filter(([name]) => name !== '');
}

const TYPES = { tensor: 'usize', 'tensor?': 'usize', i32: 'i32', f32: 'f32', f64: 'f64', bool: 'bool' } as const;

describe('the fields of a wasm kernel', () => {
  it.each(wasmKernels.map((kernel) => [kernel.name, kernel] as const))('are the parameters of its export: %s', (name, kernel) => {
    const { fields, blocks, scratch } = kernel;
    const parameters = exported.get(name) ?? [];
    const [rest, given] = [parameters.slice(Object.keys(fields).length), parameters.slice(0, Object.keys(fields).length)];
    expect(Object.entries(fields).map(([field, type]) => [field, TYPES[type]])).toEqual(given);
    expect(rest.map(([, type]) => type)).toEqual([...(blocks ? ['i32'] : []), ...(scratch ? ['usize'] : [])]);
  });

  it('are checked when the backend starts, so that a stale build is an error', () => {
    const twice = wasmKernel('twice', { x: 'tensor', size: 'i32' }, { blocks: ['twiceBlocks', 'size'] });
    const build = { twice: (_x: number, _size: number, _block: number) => 0, twiceBlocks: (_size: number) => 1 };
    expect(() => checkExports(build, twice)).not.toThrow();
    expect(() => checkExports({ ...build, twice: (_x: number) => 0 }, twice)).toThrowErrorMatchingInlineSnapshot(`
      [SsmError: registerWasmKernels: the build does not export \`twice\` as it is declared.
        expected  3 parameters
        got       1 parameters
        fix       build the WebAssembly of @densessm/kernels again: node scripts/build-wasm.mjs]
    `);
    expect(() => checkExports({ twice: build.twice }, twice)).toThrow(/does not export `twiceBlocks`[\s\S]*got +nothing/);
  });
});
