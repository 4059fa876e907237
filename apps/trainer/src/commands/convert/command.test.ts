import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadPretrained } from '@densessm/runtime-node';
import { disposeTree } from '@densessm/ssm-core';
import { setBackend } from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EXIT } from '../../io';
import { FAMILIES } from '../../model/families';
import { run } from '../../test-support/fake-io';
import { TINY_MAMBA, testFolder, writeTinyModel } from '../../test-support/tiny-model';

const MAMBA2 = {
  model_type: 'mamba2',
  vocab_size: 257,
  hidden_size: 16,
  num_hidden_layers: 2,
  state_size: 4,
  head_dim: 8,
  num_heads: 4,
  n_groups: 1,
};
const RETNET = {
  model_type: 'retnet',
  vocab_size: 257,
  decoder_embed_dim: 16,
  decoder_layers: 2,
  decoder_retention_heads: 2,
  decoder_value_embed_dim: 16,
  decoder_ffn_embed_dim: 16,
};

let folder: Awaited<ReturnType<typeof testFolder>>;
const at = (...names: string[]): string => join(folder.path, ...names);
const convert = (...argv: string[]) => run(['convert', ...argv], { cwd: folder.path });

beforeAll(async () => {
  folder = await testFolder();
  await writeTinyModel(at('mamba'), { tokenizerConfig: { eos_token: '<|endoftext|>' } });
  await writeTinyModel(at('mamba2'), { config: MAMBA2, tokenizer: null });
  await writeTinyModel(at('retnet'), { config: RETNET, tokenizer: null });
});
afterAll(() => folder.remove());

async function logitsOf(name: string): Promise<number[]> {
  await setBackend('cpu');
  const { model, config, params } = await loadPretrained(at(name), { models: FAMILIES });
  const logits = model.forward(params, config, [[5, 23, 8, 90, 12]]);
  const values = [...(await logits.data())];
  disposeTree([logits, params]);
  return values;
}

describe('densessm convert', () => {
  it('halves the size, and takes the tokenizer along', async () => {
    const { code, stdout } = await convert('mamba', 'half', '--dtype', 'bf16', '--max-shard-size', '8kB');
    expect([code, stdout]).toEqual([EXIT.fine, 'half: mamba, 8,576 parameters as BF16, with tokenizer.json, tokenizer_config.json\n']);
    const names = await readdir(at('half'));
    expect(names).toContain('model.safetensors.index.json');
    expect(names.filter((name) => /^model-\d{5}-of/.test(name)).length).toBeGreaterThan(1);
    expect(await readFile(at('half', 'tokenizer.json'))).toEqual(await readFile(at('mamba', 'tokenizer.json')));
    const listed: string[] = JSON.parse(await readFile(at('half', 'files.json'), 'utf8'));
    expect([...listed, 'files.json'].sort()).toEqual(names.sort());
  });

  it.each(['mamba', 'mamba2', 'retnet'])('quantizes %s, and turns it back into floats of the same values', async (name) => {
    const sizes: number[] = [];
    const logits = await logitsOf(name);
    for (const dtype of ['int8', 'int4']) {
      const quantized = `${name}-${dtype}`;
      expect((await convert(name, quantized, '--dtype', dtype)).stdout).toContain(`parameters as ${dtype.toUpperCase()}`);
      sizes.push((await readFile(at(quantized, 'model.safetensors'))).length);
      const rounded = await logitsOf(quantized);
      expect(rounded).not.toEqual(logits);
      const error = Math.hypot(...rounded.map((value, i) => value - (logits[i] as number)));
      expect(error).toBeLessThan((dtype === 'int8' ? 0.05 : 0.8) * Math.hypot(...logits));
      await convert(quantized, `${quantized}-back`);
      expect(await logitsOf(`${quantized}-back`)).toEqual(rounded);
      expect(JSON.parse(await readFile(at(`${quantized}-back`, 'config.json'), 'utf8'))).not.toHaveProperty('quantization_config');
    }
    const [int8, int4] = sizes as [number, number];
    expect(int8).toBeLessThan((await readFile(at(name, 'model.safetensors'))).length);
    expect(int4).toBeLessThan(int8);
  });

  it.each(['mamba', 'mamba2'])('writes %s under the names of the other implementation and back, with the same logits', async (name) => {
    expect((await convert(name, `${name}-original`, '--names', 'original')).code).toBe(EXIT.fine);
    const config = JSON.parse(await readFile(at(`${name}-original`, 'config.json'), 'utf8'));
    expect(config).toMatchObject({ d_model: 16, n_layer: 2, ssm_cfg: { layer: name === 'mamba' ? 'Mamba1' : 'Mamba2' } });
    expect(await logitsOf(`${name}-original`)).toEqual(await logitsOf(name));
    expect((await convert(`${name}-original`, `${name}-back`, '--names', 'hf')).code).toBe(EXIT.fine);
    expect(await readFile(at(`${name}-back`, 'model.safetensors'))).toEqual(await readFile(at(name, 'model.safetensors')));
  });

  it.each(['mamba', 'mamba2', 'retnet'])('makes the dense form of %s, with the same logits', async (name) => {
    const flags = ['--dense-layers', '1', '--dense-gate', 'linear', '--seed', '4'];
    const { code, stdout } = await convert(name, `dense-${name}`, ...flags);
    expect([code, stdout]).toEqual([EXIT.fine, expect.stringContaining('parameters as F32')]);
    const config = JSON.parse(await readFile(at(`dense-${name}`, 'config.json'), 'utf8'));
    expect(config).toMatchObject({ dense_block_layers: 1, dense_gate: 'linear' });
    expect(await logitsOf(`dense-${name}`)).toEqual(await logitsOf(name));
    const again = await convert(`dense-${name}`, 'denser', '--dense-layers', '1');
    expect(again).toMatchObject({ code: EXIT.usage, stdout: '' });
  });

  it('says in JSON what it wrote', async () => {
    const { stdout } = await convert('mamba', 'told', '--json');
    expect(JSON.parse(stdout)).toMatchObject({ source: 'mamba', folder: 'told', modelType: 'mamba', parameters: 8576, dtype: 'F32' });
  });

  it.each([
    ['a folder that is not empty', ['mamba', 'mamba2'], '--overwrite'],
    ['other names for a model that has none', ['retnet', 'x', '--names', 'hf'], 'one naming only'],
    ['dense options alone', ['mamba', 'x', '--dense-gate', 'mlp'], 'add --dense-layers'],
    ['connections that would change the logits', ['mamba', 'x', '--dense-layers', '1', '--dense-gate', 'none'], 'change the logits'],
    ['a shard of no size', ['mamba', 'x', '--max-shard-size', 'big'], 'a size such as 5GB'],
    ['an unknown element type', ['mamba', 'x', '--dtype', 'f8'], 'f32, f16, bf16, int8, int4'],
  ])('refuses %s', async (_, argv, message) => {
    expect(await convert(...argv)).toMatchObject({ code: EXIT.usage, stdout: '', stderr: expect.stringContaining(message) });
    expect(await readdir(at('.'))).not.toContain('x');
  });

  it('refuses names under which the model would be another', async () => {
    await writeTinyModel(at('grouped'), { config: { ...MAMBA2, n_groups: 2 }, tokenizer: null });
    expect(await convert('grouped', 'x', '--names', 'original')).toMatchObject({
      code: EXIT.usage,
      stderr: expect.stringContaining('2 groups'),
    });
    await writeTinyModel(at('wide'), { config: { ...TINY_MAMBA, intermediate_size: 48 }, tokenizer: null });
    expect(await convert('wide', 'x', '--names', 'original')).toMatchObject({
      code: EXIT.usage,
      stderr: expect.stringContaining('cannot say `innerSize`'),
    });
  });
});
