import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';

const STATIC = /^(?:import|export) (?!type )(?:[^'"]*? from )?'([^']+)'/gms;

/** What a file and all that it imports statically ask of other packages. */
function packagesOf(path: string, seen = new Set<string>()): Set<string> {
  const found = new Set<string>();
  if (seen.has(path)) return found;
  seen.add(path);
  for (const [, name = ''] of readFileSync(path, 'utf8').matchAll(STATIC)) {
    const file = [`${join(dirname(path), name)}.ts`, join(dirname(path), name, 'index.ts')].find(existsSync);
    if (!name.startsWith('.')) found.add(name);
    else if (file !== undefined) for (const one of packagesOf(file, seen)) found.add(one);
  }
  return found;
}

it('The command starts without TensorFlow.js and models, so that --help is quick', () => {
  const packages = [...packagesOf(join(import.meta.dirname, 'main.ts'))].filter((name) => !name.startsWith('node:'));
  expect(packages.sort()).toEqual(['@densessm/ssm-core/plain', 'commander', 'fastest-levenshtein']);
});
