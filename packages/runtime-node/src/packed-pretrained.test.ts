import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LoadedModel, SavePretrainedOptions } from '@densessm/checkpoint';
import { packParams } from '@densessm/kernels';
import { denseMamba, type MambaConfig, type MambaParams } from '@densessm/mamba';
import { disposeTree, isPacked, namedParams, type PackedMatrix, WEIGHT_TYPES } from '@densessm/ssm-core';
import { memory, type Tensor, tensor2d } from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadPretrained, savePretrained, startBackend } from './index';

const json = { model_type: 'dense_mamba', vocab_size: 37, hidden_size: 40, num_hidden_layers: 2, state_size: 5, dense_block_layers: 1 };
const config = denseMamba.parseConfig(json) as MambaConfig;
const spec = denseMamba.spec(config);
let folder: string;

beforeAll(async () => {
  await startBackend({ device: 'wasm', threads: 1 });
  folder = await mkdtemp(join(tmpdir(), 'packed-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function write(options: SavePretrainedOptions, change: (params: MambaParams) => MambaParams = (params) => params): Promise<void> {
  const params = change(denseMamba.init(config, 3));
  await savePretrained(folder, { model: denseMamba, config, params }, options);
  disposeTree(params);
}

const load = (weights?: (typeof WEIGHT_TYPES)[number]): Promise<LoadedModel> => loadPretrained(folder, { models: [denseMamba], weights });

/** Every value of every parameter. */
async function valuesOf(params: object): Promise<Record<string, number[]>> {
  const all: Record<string, number[]> = {};
  for (const [{ name }, given] of namedParams(spec, params)) {
    const one = given as Tensor | PackedMatrix;
    all[name] = isPacked(one) ? await rowsOf(one) : [...(await one.data())];
  }
  return all;
}

async function rowsOf(matrix: PackedMatrix): Promise<number[]> {
  const rows: number[] = [];
  for (let row = 0; row < matrix.shape[0]; row++) rows.push(...(await matrix.row(row)));
  return rows;
}

describe('loadPretrained with packed weights', () => {
  it.each(WEIGHT_TYPES)('gives what packing the tensors would, and frees it: %s', async (weights) => {
    for (const dtype of ['F32', 'BF16'] as const) {
      await write({ dtype, maxShardBytes: dtype === 'F32' ? 20_000 : 1e9 });
      const before = memory().numTensors;
      const [tensors, packed] = [await load(), await load(weights)];
      const want = await packParams(spec, tensors.params, { weights });
      expect(await valuesOf(packed.params)).toEqual(await valuesOf(want));
      const matrices = [...namedParams(spec, packed.params)].filter(([, one]) => isPacked(one)).map(([{ name }]) => name);
      expect(matrices).toContain('backbone.layers.1.mixer.dense_gate.fc2.weight');
      disposeTree([tensors.params, packed.params, want]);
      expect(memory().numTensors).toBe(before);
    }
  });

  it.each([
    ['INT8', 'int8'],
    ['INT4', 'int4'],
  ] as const)('takes the integers of a folder as they are: %s', async (dtype, weights) => {
    await write({ dtype });
    const [tensors, packed] = [await load(), await load(weights)];
    expect(await valuesOf(packed.params)).toEqual(await valuesOf(tensors.params));
    const [want, got] = [tensors, packed].map((one) => denseMamba.forward(one.params as MambaParams, config, [[3, 1, 4]]));
    expect(got?.shape).toEqual(want?.shape);
    disposeTree([tensors.params, packed.params, want, got]);
  });

  it('is for reading: what was packed is not saved', async () => {
    await write({});
    const packed = await load('int4');
    await expect(savePretrained(join(folder, 'again'), packed)).rejects.toThrow(
      /`backbone.embeddings.weight` does not fit the spec.\n.*\n {2}got {7}packed as int4\n {2}fix {7}load the model without `weights`/,
    );
    disposeTree(packed.params);
  });

  it('refuses what cannot be packed, and leaves nothing behind', async () => {
    await write({}, (params) => {
      const { xProj } = (params.layers[1] as MambaParams['layers'][number]).mixer;
      const broken = tensor2d(new Float32Array(xProj.size).fill(Number.NaN), xProj.shape);
      xProj.dispose();
      (params.layers[1] as MambaParams['layers'][number]).mixer.xProj = broken;
      return params;
    });
    const before = memory().numTensors;
    await expect(load('int8')).rejects.toThrow('PackedLinear of `backbone.layers.1.mixer.x_proj.weight`: a weight is not finite.');
    await expect(load('int5' as never)).rejects.toThrow(/weights cannot be kept in this type/);
    await startBackend({ device: 'cpu' });
    await expect(load('int8')).rejects.toThrow(expect.objectContaining({ code: 'BACKEND' }));
    await startBackend({ device: 'wasm', threads: 1 });
    expect(memory().numTensors).toBe(before);
  });
});
