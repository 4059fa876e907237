import { readFileSync } from 'node:fs';
import { type AnyModel, bias, constant, disposeTree, gain, initParams, namedParams, repeated, SsmError, weight } from '@densessm/ssm-core';
import { engine, setBackend, type Tensor } from '@tensorflow/tfjs-core';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  fileSetOf,
  type LoadedModel,
  loadPretrainedFiles,
  parseConfigText,
  parseSafetensors,
  pretrainedFiles,
  readTensors,
  readText,
  type SavePretrainedOptions,
  serializeSafetensors,
} from '../index';

interface TinyConfig {
  size: number;
  torch_dtype?: string;
}
const tinySpec = ({ size }: TinyConfig) => ({
  layers: repeated(3, (i) => ({ proj: weight(`layers.${i}.weight`, [size, 8]), bias: bias(`layers.${i}.bias`, size) })),
  norm: gain('norm.weight', size),
  angles: constant('angles', [2], () => Float32Array.of(1, 0.1)),
});
const tiny = {
  modelType: 'tiny',
  recognizes: (json: object) => 'tiny_size' in json,
  parseConfig: (json: { size?: number; tiny_size?: number }) => ({ ...json, size: json.size ?? json.tiny_size }),
  configToJson: (config: TinyConfig) => ({ ...config, model_type: 'tiny' }),
  spec: tinySpec,
} as unknown as AnyModel;
const options = { models: [tiny] };

beforeEach(async () => {
  await setBackend('cpu');
});

const fresh = (config: TinyConfig = { size: 4 }): LoadedModel => ({ model: tiny, config, params: initParams(tinySpec(config), 1) });

async function written(model: LoadedModel, saving?: SavePretrainedOptions): Promise<File[]> {
  const files: File[] = [];
  for (const { name, pieces } of pretrainedFiles(model, saving)) {
    const parts: Uint8Array<ArrayBuffer>[] = [];
    for await (const piece of pieces) parts.push(new Uint8Array(piece));
    files.push(new File(parts, name));
  }
  return files;
}

async function valuesOf({ config, params }: LoadedModel): Promise<Record<string, number[]>> {
  const all: Record<string, number[]> = {};
  for (const [{ name }, tensor] of namedParams(tinySpec(config as TinyConfig), params)) all[name] = [...(await tensor.data())];
  return all;
}

const namesOf = (files: readonly File[]): string[] => files.map(({ name }) => name);
const without = (files: readonly File[], name: string): File[] => files.filter((file) => file.name !== name);
const jsonFile = (name: string, json: unknown): File => new File([JSON.stringify(json)], name);

async function refusal(files: readonly File[]): Promise<SsmError> {
  const before = engine().memory().numTensors;
  const error = await loadPretrainedFiles(files, options).then(
    () => expect.unreachable('it was loaded'),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(SsmError);
  expect(engine().memory().numTensors).toBe(before);
  return error as SsmError;
}

describe('the files of a model', () => {
  it('load as they were written', async () => {
    const model = fresh();
    const files = await written(model);
    expect(namesOf(files)).toEqual(['model.safetensors', 'config.json']);
    const loaded = await loadPretrainedFiles(files, options);
    expect(loaded.model).toBe(tiny);
    expect(await valuesOf(loaded)).toEqual(await valuesOf(model));
    disposeTree(loaded.params);
  });

  it('load out of a folder that was chosen in a browser, among other files', async () => {
    const inFolder = (file: File, path: string) => Object.defineProperty(file, 'webkitRelativePath', { value: path });
    const files = (await written(fresh())).map((file) => inFolder(file, `my-model/${file.name}`));
    const deeper = inFolder(new File(['{}'], 'config.json'), 'my-model/older/config.json');
    expect((await loadPretrainedFiles([...files, deeper], options)).model).toBe(tiny);
  });

  it('are cut into shards with an index', async () => {
    const model = fresh();
    const files = await written(model, { maxShardBytes: 200 }); // a layer has 144 bytes, the norm and the constant 24
    const shards = ['model-00001-of-00003.safetensors', 'model-00002-of-00003.safetensors', 'model-00003-of-00003.safetensors'];
    expect(namesOf(files)).toEqual([...shards, 'model.safetensors.index.json', 'config.json']);
    const index = JSON.parse((await readText(fileSetOf(files), 'model.safetensors.index.json')) ?? '');
    expect(index.metadata).toEqual({ total_size: 3 * 144 + 24 });
    expect(Object.keys(index.weight_map)).toEqual([...Object.keys(index.weight_map)].sort());
    for (const file of files.slice(0, 3)) {
      const { tensors } = parseSafetensors(new Uint8Array(await file.arrayBuffer()));
      for (const name of tensors.keys()) expect(index.weight_map[name]).toBe(file.name);
      expect([...tensors.values()].reduce((sum, { byteLength }) => sum + byteLength, 0)).toBeLessThanOrEqual(200);
    }
    expect(await valuesOf(await loadPretrainedFiles(files, options))).toEqual(await valuesOf(model));
  });

  it('never have a tensor cut, however small the shards are to be', async () => {
    const files = await written(fresh(), { maxShardBytes: 1 });
    expect(namesOf(files).filter((name) => name.startsWith('model-')).length).toBe(8);
    expect((await loadPretrainedFiles(files, options)).model).toBe(tiny);
    for (const maxShardBytes of [0, -1, 0.5, Number.NaN])
      await expect(written(fresh(), { maxShardBytes })).rejects.toThrow(/maxShardBytes/);
  });

  it.each([
    ['F16', 'float16', 2 ** -11],
    ['BF16', 'bfloat16', 2 ** -8],
  ] as const)('hold weights as %s where asked, and a config that names a type says so', async (dtype, name, rounding) => {
    const model = fresh({ size: 4, torch_dtype: 'float32' });
    const files = await written(model, { dtype });
    const stored = parseSafetensors(new Uint8Array(await (files[0] as File).arrayBuffer()));
    expect([...new Set([...stored.tensors].map(([key, entry]) => (key === 'angles' ? 'constant' : entry.dtype)))].sort()).toEqual(
      [dtype, 'constant'].sort(),
    );
    expect(parseConfigText((await files.at(-1)?.text()) ?? '')).toMatchObject({ torch_dtype: name });
    const [want, got] = [await valuesOf(model), await valuesOf(await loadPretrainedFiles(files, options))];
    for (const [key, values] of Object.entries(want))
      for (const [i, value] of values.entries())
        expect(Math.abs((got[key]?.[i] ?? 9) - value)).toBeLessThanOrEqual(Math.abs(value) * rounding);
    await expect(written(model, { dtype: 'float16' as 'F16' })).rejects.toThrow(/unknown dtype.*\n.*F32, F16, BF16/);
  });
});

const config = jsonFile('config.json', { model_type: 'tiny', size: 4 });

describe('weights', () => {
  const torchFile = (name: string) =>
    new File([new Uint8Array(readFileSync(new URL(`../../fixtures/pickles/${name}.bin`, import.meta.url)))], 'pytorch_model.bin');
  const tied = {
    ...tiny,
    spec: () => ({ embedding: weight('embedding.weight', [3, 2], { aliases: ['lm_head.weight'] }) }),
  } as unknown as AnyModel;

  it('may be a file of PyTorch, or shards of them', async () => {
    const one = await loadPretrainedFiles([config, torchFile('tied')], { models: [tied] });
    const weight_map = { 'embedding.weight': 'part-1.bin', 'lm_head.weight': 'part-1.bin' };
    const shard = new File([torchFile('tied')], 'part-1.bin');
    const files = [config, jsonFile('pytorch_model.bin.index.json', { weight_map }), shard];
    const two = await loadPretrainedFiles(files, { models: [tied] });
    const data = async ({ params }: LoadedModel) => [...(await (params as { embedding: Tensor }).embedding.data())];
    expect(await data(two)).toEqual(await data(one));
    expect((await data(one)).length).toBe(6);
  });

  it('are taken from safetensors where both are there', async () => {
    expect((await loadPretrainedFiles([...(await written(fresh())), torchFile('views')], options)).model).toBe(tiny);
  });

  it('are refused where a hostile pickle lies in their place', async () => {
    const bytes = new Uint8Array(readFileSync(new URL('../../fixtures/pickles/hostile/builtins-eval.bin', import.meta.url)));
    const { message } = await refusal([config, new File([bytes], 'pytorch_model.bin')]);
    expect(message).toMatch(/the chosen files\/pytorch_model.bin: the pickle asks for `__builtin__.eval`; nothing was run/);
  });

  it('are refused where only a pointer of Git LFS is there', async () => {
    const pointer = new File(['version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n'], 'model.safetensors');
    expect((await refusal([config, pointer])).fix).toBe('run `git lfs pull` there');
  });

  it('are named where there are none', async () => {
    expect((await refusal([config])).message).toMatchInlineSnapshot(`
      "the chosen files holds no weights.
        expected  model.safetensors or model.safetensors.index.json or pytorch_model.bin or pytorch_model.bin.index.json
        got       nothing
        fix       put the model's weights there"
    `);
    expect((await refusal([])).message).toMatch(/config.json is missing/);
    expect((await refusal([config, config])).message).toMatch(/`config.json` is there twice/);
  });
});

describe('an index', () => {
  const shard = (name: string, ...tensors: string[]) => {
    const ones = { shape: [1], values: Float32Array.of(1) };
    return new File([new Uint8Array(serializeSafetensors(new Map(tensors.map((one) => [one, ones]))))], name);
  };
  const index = (weight_map: unknown) => jsonFile('model.safetensors.index.json', { weight_map });

  it.each<[string, File[], RegExp]>([
    ['has no map', [jsonFile('model.safetensors.index.json', {})], /no `weight_map`/],
    ['is no JSON', [new File(['{'], 'model.safetensors.index.json')], /model.safetensors.index.json: line 1/],
    ['names a tensor twice', [new File(['{"weight_map":{"a":"x","a":"y"}}'], 'model.safetensors.index.json')], /the key "a" once/],
    ['names a shard that is missing', [index({ a: 'x.safetensors' })], /x.safetensors is missing.*\n.*every shard/],
    [
      'names a tensor of the model that its shard lacks',
      [index({ a: 'x', b: 'x', 'norm.weight': 'x' }), shard('x', 'a', 'b')],
      /"norm.weight" is not in its shard/,
    ],
    ['lacks a tensor of a shard', [index({ a: 'x' }), shard('x', 'a', 'b')], /"b" lies in a shard where the index does not have it/],
    [
      'meets a tensor in two shards',
      [index({ a: 'x', b: 'y' }), shard('x', 'a', 'b'), shard('y', 'b')],
      /"b" lies in a shard.*\n.*it in y alone/,
    ],
    ['points into another folder', [index({ a: '../x' })], /no plain file name.*\n.*\n.*"..\/x"/],
    ['points to an absolute path', [index({ a: '/etc/passwd' })], /no plain file name/],
    ['points to a hidden file', [index({ a: '.ssh' })], /no plain file name/],
    ['points to a path of Windows', [index({ a: '..\\x' })], /no plain file name/],
    ['points to a number', [index({ a: 1 })], /no plain file name/],
  ])('is refused where it %s', async (_, files, message) => {
    const { code, message: text } = await refusal([config, ...files]);
    expect([code, text]).toEqual(['FILE', expect.stringMatching(message)]);
  });
});

describe("names that are not the model's", () => {
  /** Warnings of loading a model whose weights were written again under other names. */
  async function warningsOf(files: readonly File[]): Promise<string[]> {
    const heard: string[] = [];
    const loaded = await loadPretrainedFiles(files, { ...options, onWarning: (message) => heard.push(message) });
    expect(await valuesOf(loaded)).toEqual(await valuesOf(fresh()));
    return heard;
  }
  const renamed = async (prefix: string): Promise<File[]> => {
    const [weights, ...others] = (await written(fresh())) as [File, ...File[]];
    const tensors = readTensors(parseSafetensors(new Uint8Array(await weights.arrayBuffer())));
    const bytes = serializeSafetensors(new Map([...tensors].map(([name, tensor]) => [prefix + name, tensor])));
    return [new File([new Uint8Array(bytes)], weights.name), ...others];
  };

  it.each(['_orig_mod.', 'module.', 'model.', 'module._orig_mod.'])('are read without the prefix %s, which is said', async (prefix) => {
    const where = 'the chosen files/model.safetensors';
    expect(await warningsOf(await renamed(prefix))).toEqual([`${where}: all names begin with "${prefix}", which was left out.`]);
  });

  it('are not touched where one of them begins otherwise', async () => {
    const [weights, ...others] = (await renamed('module.')) as [File, ...File[]];
    const tensors = readTensors(parseSafetensors(new Uint8Array(await weights.arrayBuffer())));
    tensors.set('step', { shape: [1], values: Float32Array.of(1) });
    const { message } = await refusal([new File([new Uint8Array(serializeSafetensors(tensors))], weights.name), ...others]);
    expect(message).toMatch(/weights are missing.*\n.*\n.*module.layers.0.weight/);
  });

  it('are a warning where an index has them and no shard, and the model does not need them', async () => {
    const files = await written(fresh(), { maxShardBytes: 200 });
    const at = files.findIndex(({ name }) => name.endsWith('.index.json'));
    const json = JSON.parse(await (files[at] as File).text());
    json.weight_map['mtp.fc.weight'] = files[0]?.name;
    files[at] = new File([JSON.stringify(json)], 'model.safetensors.index.json');
    expect(await warningsOf(files)).toEqual([
      'the chosen files/model.safetensors.index.json: the index names "mtp.fc.weight", which no shard has and the model does not need.',
    ]);
  });
});

it('a config with more layers than the file has tensors is refused before the model is built', async () => {
  const spec = () => expect.unreachable('a spec was made');
  const parseConfig = () => ({ numHiddenLayers: 16_000 });
  const huge = { ...tiny, spec, parseConfig } as unknown as AnyModel;
  await expect(loadPretrainedFiles(await written(fresh()), { models: [huge] })).rejects.toThrow(/more layers than the file has tensors/);
});

it('what a model says of its config is heard', async () => {
  const careful = { ...tiny, warnings: () => ['read with care'] } as unknown as AnyModel;
  const heard: string[] = [];
  await loadPretrainedFiles(await written(fresh()), { models: [careful], onWarning: (message) => heard.push(message) });
  expect(heard).toEqual(['the chosen files/config.json: read with care']);
});

describe('readText', () => {
  it('gives nothing for a file that is not there, and refuses what is no text', async () => {
    expect(await readText(fileSetOf([]), 'tokenizer.json')).toBeUndefined();
    const files = fileSetOf([new File([Uint8Array.of(0xff)], 'tokenizer.json')]);
    await expect(readText(files, 'tokenizer.json')).rejects.toThrow(/tokenizer.json: the file is not UTF-8 text/);
  });
});

it('a config that no model of the given ones answers to is refused, and only a set without them asks the registry', async () => {
  const files = without(await written(fresh()), 'config.json');
  expect((await refusal([...files, jsonFile('config.json', { model_type: 'gpt2' })])).code).toBe('MODEL');
  expect((await loadPretrainedFiles([...files, jsonFile('config.json', { tiny_size: 4 })], options)).model).toBe(tiny);
  await expect(loadPretrainedFiles([...files, config])).rejects.toThrow(/at least one registered model/);
});
