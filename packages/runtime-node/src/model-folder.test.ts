import { mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AnyModel, gain, initParams, type Params, registerModel, SsmError, weight } from '@densessm/ssm-core';
import { engine, setBackend, tensor } from '@tensorflow/tfjs-core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type LoadedModel, loadModel, saveModel } from './index';

interface TinyConfig {
  size: number;
  limit: number;
}
const tinySpec = ({ size }: TinyConfig) => ({ head: weight('head.weight', [size, 3]), norm: gain('norm.weight', size) });
type TinyParams = Params<ReturnType<typeof tinySpec>>;

/** What loading and saving ask of a model. */
const tiny = {
  modelType: 'tiny',
  recognises: () => false,
  parseConfig: (json: unknown) => json as TinyConfig,
  configToJson: (config: TinyConfig) => ({ ...config, model_type: 'tiny' }),
  spec: tinySpec,
} as unknown as AnyModel;
registerModel(tiny);

const config: TinyConfig = { size: 4, limit: Infinity };
let folder: string;

beforeEach(async () => {
  await setBackend('cpu');
  folder = await mkdtemp(join(tmpdir(), 'model-folder-'));
});
afterEach(() => rm(folder, { recursive: true }));

const freshModel = (seed: number): LoadedModel => ({ model: tiny, config, params: initParams(tinySpec(config), seed) });
const headOf = async ({ params }: LoadedModel): Promise<number[]> => [...(await (params as TinyParams).head.data())];

async function refusal(promise: Promise<unknown>): Promise<SsmError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(SsmError);
  return error as SsmError;
}

describe('a model folder', () => {
  it('gives back the model that was saved, bit for bit', async () => {
    const saved = freshModel(1);
    const inside = join(folder, 'new', 'model');
    await saveModel(inside, saved);
    expect((await readdir(inside)).sort()).toEqual(['config.json', 'model.safetensors']);
    const before = engine().memory().numTensors;
    const loaded = await loadModel(inside);
    expect(engine().memory().numTensors - before).toBe(2);
    expect(loaded.model).toBe(tiny);
    expect(loaded.config).toMatchObject(config);
    expect(await headOf(loaded)).toEqual(await headOf(saved));
  });

  it('is overwritten whole', async () => {
    await saveModel(folder, freshModel(1));
    const second = freshModel(2);
    await saveModel(folder, second);
    expect(await headOf(await loadModel(folder))).toEqual(await headOf(second));
  });

  it('keeps the old files and no others where saving fails', async () => {
    const old = freshModel(1);
    await saveModel(folder, old);
    const { params } = freshModel(2) as { params: TinyParams };
    expect((await refusal(saveModel(folder, { ...old, params: { ...params, norm: tensor([1]) } }))).code).toBe('WEIGHTS');
    params.norm.dispose(); // fails only when the file is half written
    await expect(saveModel(folder, { ...old, params })).rejects.toThrow(/disposed/);
    expect((await readdir(folder)).sort()).toEqual(['config.json', 'model.safetensors']);
    expect(await headOf(await loadModel(folder))).toEqual(await headOf(old));
  });

  it('starts weights afresh that may be missing', async () => {
    await saveModel(folder, freshModel(1));
    const text = await readFile(join(folder, 'model.safetensors'), 'latin1');
    await writeFile(join(folder, 'model.safetensors'), text.replace('norm.weight', 'worm.weight'), 'latin1');
    expect((await refusal(loadModel(folder))).message).toMatch(
      /model.safetensors: weights are missing.\n.*norm.weight\n.*instead worm.weight/,
    );
    const options = { allowMissing: () => true, seed: 5, ignoreUnexpected: () => true };
    const { params } = (await loadModel(folder, options)) as { params: TinyParams };
    expect([...(await params.norm.data())]).toEqual([1, 1, 1, 1]);
  });
});

describe('a folder that holds no model', () => {
  it('is told from a folder that is not there', async () => {
    expect((await refusal(loadModel(join(folder, 'missing')))).mend).toMatch(/the folder does not exist/);
    const { code, message, mend } = await refusal(loadModel(folder));
    expect([code, mend]).toEqual(['FILE', "put the model's config.json there"]);
    expect(message).toContain(`loadModel: ${join(folder, 'config.json')} cannot be read.`);
  });

  it.each([
    ['nothing', undefined, "put the model's model.safetensors there"],
    ['shards', 'model.safetensors.index.json', 'join the shards in one file: only that is read so far'],
    ['a pickle', 'pytorch_model.bin', 'convert pytorch_model.bin to safetensors: only that is read so far'],
  ])('is told what to do where the weights are %s', async (_, other, mend) => {
    await saveModel(folder, freshModel(1));
    await rm(join(folder, 'model.safetensors'));
    if (other) await writeFile(join(folder, other), '');
    expect(await refusal(loadModel(folder))).toMatchObject({ code: 'FILE', got: 'nothing', mend });
  });

  it('is refused where a folder bears the name of a file', async () => {
    await mkdir(join(folder, 'config.json'));
    expect((await refusal(loadModel(folder))).got).toMatch(/a folder perhaps/);
  });

  it('is refused where a file is broken, by its name', async () => {
    await saveModel(folder, freshModel(1));
    await truncate(join(folder, 'model.safetensors'), 100);
    expect((await refusal(loadModel(folder))).message).toContain(`${join(folder, 'model.safetensors')}: the file ends inside its header`);
    await writeFile(join(folder, 'config.json'), '{"model_type": "tiny",}');
    expect((await refusal(loadModel(folder))).message).toContain(`${join(folder, 'config.json')}: line 1, column 23`);
    await writeFile(join(folder, 'config.json'), '{"model_type": "unheard of"}');
    expect((await refusal(loadModel(folder))).code).toBe('MODEL');
  });
});
