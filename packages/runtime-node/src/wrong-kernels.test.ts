import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { noteWrongKernels, wrongKernelsOf } from './wrong-kernels';

it('keeps the kernels that are wrong by their device, until they are right', async () => {
  const cache = await mkdtemp(join(tmpdir(), 'densessm-wrong-'));
  const env = { XDG_CACHE_HOME: cache };
  expect(wrongKernelsOf('one', env)).toEqual([]);
  expect(noteWrongKernels([], env)).toBeUndefined();
  const path = noteWrongKernels(['SsmRmsNorm'], env) as string;
  expect([wrongKernelsOf('another', env), wrongKernelsOf('one', env)]).toEqual([[], ['SsmRmsNorm']]);
  noteWrongKernels([], env);
  expect([wrongKernelsOf('one', env), await readFile(path, 'utf8')]).toEqual([[], '{}\n']);
  await writeFile(path, '{"one": ');
  expect(wrongKernelsOf('one', env)).toEqual([]);
  await rm(cache, { recursive: true });
});
