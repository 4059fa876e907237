import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LoadedModel } from '@densessm/checkpoint';
import { type AnyModel, gain, initParams, type Params, registerModel, SsmError, weight } from '@densessm/ssm-core';
import { engine, setBackend, tensor } from '@tensorflow/tfjs-core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadPretrained, savePretrained } from './index';

interface TinyConfig {
  size: number;
  limit: number;
}
const tinySpec = ({ size }: TinyConfig) => ({ head: weight('head.weight', [size, 3]), norm: gain('norm.weight', size) });
type TinyParams = Params<ReturnType<typeof tinySpec>>;

/** What loading and saving ask of a model. */
const tiny = {
  modelType: 'tiny',
  recognizes: () => false,
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
    await savePretrained(inside, saved);
    expect((await readdir(inside)).sort()).toEqual(['config.json', 'model.safetensors']);
    const before = engine().memory().numTensors;
    const loaded = await loadPretrained(inside);
    expect(engine().memory().numTensors - before).toBe(2);
    expect(loaded.model).toBe(tiny);
    expect(loaded.config).toMatchObject(config);
    expect(await headOf(loaded)).toEqual(await headOf(saved));
  });

  it('is overwritten whole', async () => {
    await savePretrained(folder, freshModel(1));
    const second = freshModel(2);
    await savePretrained(folder, second);
    expect(await headOf(await loadPretrained(folder))).toEqual(await headOf(second));
  });

  it('keeps the old files and no others where saving fails', async () => {
    const old = freshModel(1);
    await savePretrained(folder, old);
    const { params } = freshModel(2) as { params: TinyParams };
    expect((await refusal(savePretrained(folder, { ...old, params: { ...params, norm: tensor([1]) } }))).code).toBe('WEIGHTS');
    params.norm.dispose(); // fails only when the file is half written
    await expect(savePretrained(folder, { ...old, params })).rejects.toThrow(/disposed/);
    expect((await readdir(folder)).sort()).toEqual(['config.json', 'model.safetensors']);
    expect(await headOf(await loadPretrained(folder))).toEqual(await headOf(old));
  });

  it('has shards where asked, and no weights of an earlier save beside them', async () => {
    const saved = freshModel(1);
    await savePretrained(folder, freshModel(2));
    await savePretrained(folder, saved, { maxShardBytes: 50 });
    const shards = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'];
    expect((await readdir(folder)).sort()).toEqual(['config.json', ...shards, 'model.safetensors.index.json']);
    expect(await headOf(await loadPretrained(folder))).toEqual(await headOf(saved));
    await savePretrained(folder, saved, { dtype: 'BF16' });
    expect((await readdir(folder)).sort()).toEqual(['config.json', 'model.safetensors']);
    expect((await stat(join(folder, 'model.safetensors'))).size).toBe(8 + 168 + 2 * 16);
  });

  it('starts weights afresh that may be missing', async () => {
    await savePretrained(folder, freshModel(1));
    const text = await readFile(join(folder, 'model.safetensors'), 'latin1');
    await writeFile(join(folder, 'model.safetensors'), text.replace('norm.weight', 'worm.weight'), 'latin1');
    expect((await refusal(loadPretrained(folder))).message).toMatch(
      /model.safetensors: weights are missing.\n.*norm.weight\n.*instead worm.weight/,
    );
    const options = { allowMissing: () => true, seed: 5, ignoreUnexpected: () => true };
    const { params } = (await loadPretrained(folder, options)) as { params: TinyParams };
    expect([...(await params.norm.data())]).toEqual([1, 1, 1, 1]);
  });
});

describe('a folder that holds no model', () => {
  it('is told from a folder that is not there', async () => {
    expect((await refusal(loadPretrained(join(folder, 'missing')))).fix).toMatch(/the folder does not exist/);
    const { code, message, fix } = await refusal(loadPretrained(folder));
    expect([code, fix]).toEqual(['FILE', "put the model's config.json there"]);
    expect(message).toContain(`${join(folder, 'config.json')} is missing.`);
  });

  it('is told which weights are looked for', async () => {
    await savePretrained(folder, freshModel(1));
    await rm(join(folder, 'model.safetensors'));
    expect(await refusal(loadPretrained(folder))).toMatchObject({
      code: 'FILE',
      expected: 'model.safetensors or model.safetensors.index.json or pytorch_model.bin or pytorch_model.bin.index.json',
      fix: "put the model's weights there",
    });
  });

  it('is refused, and never waited for, where a named pipe bears the name of a file', async () => {
    execFileSync('mkfifo', [join(folder, 'config.json')]);
    expect((await refusal(loadPretrained(folder))).got).toBe('a named pipe');
  });

  it('is refused where a folder bears the name of a file', async () => {
    await mkdir(join(folder, 'config.json'));
    expect((await refusal(loadPretrained(folder))).got).toMatch(/^a folder$/);
  });

  it('is refused where a file is broken, by its name', async () => {
    await savePretrained(folder, freshModel(1));
    await truncate(join(folder, 'model.safetensors'), 100);
    expect((await refusal(loadPretrained(folder))).message).toContain(
      `${join(folder, 'model.safetensors')}: the file ends inside its header`,
    );
    await writeFile(join(folder, 'config.json'), '{"model_type": "tiny",}');
    expect((await refusal(loadPretrained(folder))).message).toContain(`${join(folder, 'config.json')}: line 1, column 23`);
    await writeFile(join(folder, 'config.json'), '{"model_type": "unheard of"}');
    expect((await refusal(loadPretrained(folder))).code).toBe('MODEL');
  });
});
