import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { mamba } from '@densessm/mamba';
import { savePretrained } from '@densessm/runtime-node';
import { disposeTree } from '@densessm/ssm-core';
import { byteTokenizer } from '@densessm/tokenizer';
import { setBackend } from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { capture, root } from '../scripts/lib/command.mjs';
import { programFor } from '../scripts/lib/program-for';

let folder: string;

beforeAll(async () => {
  await mkdir(join(root, 'out'), { recursive: true });
  folder = await mkdtemp(join(root, 'out', 'program-'));
  await setBackend('cpu');
  const config = mamba.parseConfig({ model_type: 'mamba', vocab_size: 257, hidden_size: 8, num_hidden_layers: 1, state_size: 2 });
  const params = mamba.init(config, 1);
  await savePretrained(join(folder, 'best'), { model: mamba, config, params });
  disposeTree(params);
  await writeFile(join(folder, 'best', 'tokenizer.json'), JSON.stringify(byteTokenizer().toJSON()));
});
afterAll(() => rm(folder, { recursive: true }));

it('the lines with which npm start ends run, on the folder of a run', async () => {
  const program = join(folder, 'continue.mjs');
  await writeFile(program, programFor(folder));
  const { code, output, stdout } = await capture([process.execPath, join(root, 'scripts', 'run.mjs'), program]);
  expect(code, output).toBe(0);
  expect(stdout.length).toBeGreaterThan(60);
});
