import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parseConfigText, parseSafetensors, tensorValues } from '@densessm/checkpoint';
import { SsmError } from '@densessm/ssm-core';
import { isObject } from '@densessm/ssm-core/plain';
import type { Fixture, ModelFixture, StoredModel, StoredTensor } from './types';

const readTensors = (path: string): Map<string, StoredTensor> => {
  const { tensors } = parseSafetensors(readFileSync(path), path);
  return new Map([...tensors].map(([name, tensor]) => [name, { shape: [...tensor.shape], values: tensorValues(name, tensor) }]));
};

function readModel(folder: string, config: string, weights: string): StoredModel | undefined {
  const [configPath, weightsPath] = [join(folder, config), join(folder, weights)];
  if (!existsSync(configPath) || !existsSync(weightsPath)) return undefined;
  return { config: parseConfigText(readFileSync(configPath, 'utf8')), weights: parseSafetensors(readFileSync(weightsPath), weightsPath) };
}

/** Whether a folder holds results in the layout described in its README.txt. */
export const isFixture = (folder: string): boolean => existsSync(join(folder, 'expected.json'));

/** Reads a folder of reference results. */
export function readFixture(folder: string): Fixture | ModelFixture {
  const expected = parseConfigText(readFileSync(join(folder, 'expected.json'), 'utf8'));
  if (!isObject(expected)) {
    throw new SsmError({
      code: 'FILE',
      what: `${folder}: expected.json is not an object.`,
      expected: '{ … }',
      got: typeof expected,
      fix: 'make it anew',
    });
  }
  const tensorsPath = join(folder, 'expected.safetensors');
  const tensors = existsSync(tensorsPath) ? readTensors(tensorsPath) : new Map<string, StoredTensor>();
  const fixture = { name: basename(folder), expected, tensors };
  const model = readModel(folder, 'config.json', 'model.safetensors');
  return model ? { ...fixture, model, original: readModel(folder, 'config.original.json', 'model.original.safetensors') } : fixture;
}

/** The fixture folders inside a folder, or the folder itself where it is one, by name. */
export function fixtureFolders(folder: string): string[] {
  if (isFixture(folder)) return [folder];
  const inside = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return inside
    .map(({ name }) => join(folder, name))
    .filter(isFixture)
    .sort();
}
