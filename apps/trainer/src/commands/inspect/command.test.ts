import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EXIT } from '../../io';
import { run } from '../../test-support/fake-io';
import { TINY_MAMBA, testFolder, writeTinyModel } from '../../test-support/tiny-model';

let folder: Awaited<ReturnType<typeof testFolder>>;
const at = (...names: string[]): string => join(folder.path, ...names);
const inspect = (...argv: string[]) => run(['inspect', ...argv], { cwd: folder.path });

beforeAll(async () => {
  folder = await testFolder();
  await writeTinyModel(at('model'));
});
afterAll(() => folder.remove());

describe('densessm inspect', () => {
  it('counts parameters by module, state and files', async () => {
    const facts = JSON.parse((await inspect('model', '--json')).stdout);
    expect(facts).toMatchObject({
      modelType: 'mamba',
      layers: 2,
      parameters: 8576,
      // two layers of a state [32, 4] and a tail [32, 3], four bytes each
      stateBytesPerSequence: 2 * 32 * (4 + 3) * 4,
      weights: { tensors: 22, bytes: 8576 * 4, dtypes: { F32: 8576 }, missing: [], unexpected: [] },
      tokenizer: { vocabSize: 257, eos: '<|endoftext|>', hasChatTemplate: false },
      config: { hidden_size: 16 },
    });
    const inProj = facts.modules.find(({ name }: { name: string }) => name === 'backbone.layers.*.mixer.in_proj.weight');
    expect(inProj).toEqual({ name: 'backbone.layers.*.mixer.in_proj.weight', shape: [64, 16], count: 2, parameters: 2048 });
    expect(facts.modules.reduce((sum: number, { parameters }: { parameters: number }) => sum + parameters, 0)).toBe(8576);
  });

  it('shows them to people', async () => {
    const { code, stdout, stderr } = await inspect('model');
    expect([code, stderr]).toEqual([EXIT.fine, '']);
    expect(stdout).toMatch(/^parameters +8,576, 34\.3 kB in memory as float32$/m);
    expect(stdout).toMatch(/^state +1\.79 kB per text, however long it is$/m);
    expect(stdout).toMatch(/^total +8,576 +100\.0 %$/m);
  });

  it('says how weights are quantized', async () => {
    await run(['convert', 'model', 'int4', '--dtype', 'int4'], { cwd: folder.path });
    const { weights, config } = JSON.parse((await inspect('int4', '--json')).stdout);
    expect(weights).toMatchObject({ quantization: { bits: 4 }, missing: [], unexpected: [] });
    expect(weights.tensors).toBeGreaterThan(22);
    expect(config).not.toHaveProperty('quantization_config');
    const { stdout } = await inspect('int4');
    expect(stdout).toMatch(/^weights .* U8.*, matrices of 4 bits in groups of 32$/m);
    expect(stdout).toMatch(/^parameters +8,576, 34\.3 kB in memory as float32, \d+\.?\d* kB as they are stored$/m);
  });

  it('names weights that are missing or of something else, and looks at a config without any', async () => {
    await writeTinyModel(at('other'), { tokenizer: null });
    const text = await readFile(at('other', 'model.safetensors'), 'latin1');
    await writeFile(at('other', 'model.safetensors'), text.replace('backbone.norm_f.weight', 'backbone.norm_g.weight'), 'latin1');
    const { stdout } = await inspect('other');
    expect(stdout).toMatch(/^missing +backbone\.norm_f\.weight$/m);
    expect(stdout).toMatch(/^unexpected +backbone\.norm_g\.weight$/m);
    await rm(at('other', 'model.safetensors'));
    expect(JSON.parse((await inspect('other', '--json')).stdout)).toMatchObject({ parameters: 8576 });
    expect((await inspect('other')).stdout).toMatch(/^weights +none in this folder$/m);
  });

  it('refuses what is no model', async () => {
    expect(await inspect('none')).toMatchObject({ code: EXIT.failure, stderr: expect.stringContaining('there is no model at "none"') });
    expect(await inspect('.')).toMatchObject({ code: EXIT.failure, stderr: expect.stringContaining('holds no model') });
    expect(await inspect('none', '--json')).toMatchObject({ stdout: '', stderr: expect.stringMatching(/^\{"error":\{"code":"FILE"/) });
    await writeFile(at('model', 'config.json'), JSON.stringify({ ...TINY_MAMBA, model_type: 'gpt2' }));
    expect(await inspect('model')).toMatchObject({ code: EXIT.failure, stderr: expect.stringContaining('no registered model answers') });
    expect(await inspect()).toMatchObject({ code: EXIT.usage, stdout: '' });
  });
});
