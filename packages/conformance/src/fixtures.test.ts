import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { denseMamba, denseMamba2, mamba, mamba2 } from '@densessm/mamba';
import { denseRetNet, retnet } from '@densessm/retnet';
import { registerModel } from '@densessm/ssm-core';
import { memory, setBackend } from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { checkFixture } from './check-fixture';
import { fixturesDir } from './fixtures-dir';
import { fixtureFolders, readFixture } from './folder';

for (const model of [mamba, mamba2, denseMamba, denseMamba2, retnet, denseRetNet]) registerModel(model);

const models = fixtureFolders(fixturesDir()).filter((folder) => existsSync(join(folder, 'model.safetensors')));

it.each(models.map((folder) => basename(folder)))('agrees with every number in %s', async (name) => {
  await setBackend('wasm');
  const before = memory().numTensors;
  const outside: string[] = [];
  let checked = 0;
  for await (const { name: quantity, error, bound } of checkFixture(readFixture(join(fixturesDir(), name))) ?? []) {
    checked++;
    if (!(error <= bound)) outside.push(`${quantity}: error ${error}, bound ${bound}`);
  }
  expect(outside).toEqual([]);
  expect(checked).toBeGreaterThan(10);
  expect(memory().numTensors, 'tensors left behind').toBe(before);
});

it('fails where a number is off', async () => {
  await setBackend('wasm');
  const fixture = readFixture(join(fixturesDir(), 'mamba_tied'));
  const logits = fixture.tensors.get('L7.logits');
  if (logits) logits.values[3] = (logits.values[3] as number) + 1e-3;
  const failed: string[] = [];
  for await (const { name, error, bound } of checkFixture(fixture) ?? []) {
    if (!(error <= bound)) failed.push(name);
    if (name.startsWith('L33')) break;
  }
  expect(failed).toEqual(['L7 logits', 'L7 token by token: logits', 'L7 in uneven pieces: logits', 'L7 in one piece: logits']);
});
