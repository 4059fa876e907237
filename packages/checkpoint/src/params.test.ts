import { bias, constant, disposeTree, gain, initParams, namedParams, type Params, repeated, weight } from '@densessm/ssm-core';
import { engine, setBackend, tensor } from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  type ArrayTensor,
  type LoadOptions,
  loadParams,
  paramsFromTensors,
  paramsSource,
  parseSafetensors,
  readTensors,
  safetensorsPieces,
  serializeSafetensors,
  tensorsFromParams,
} from './index';

const ANGLES = Float32Array.from([1, 0.1, 1e-4]);
const spec = {
  embedding: weight('embeddings.weight', [5, 2], { aliases: ['embedding.weight', 'lm_head.weight'] }),
  layers: repeated(2, (i) => ({
    norm: gain(`layers.${i}.norm.weight`, 2),
    mixer: { proj: weight(`layers.${i}.proj.weight`, [3, 2]), bias: i === 0 ? bias(`layers.${i}.proj.bias`, 3) : undefined },
  })),
  angle: constant('angle', [3], () => ANGLES),
};

/** Every tensor of a fresh model by its name on disk, with changes; undefined takes one out. */
async function stored(changes: Record<string, ArrayTensor | undefined> = {}): Promise<Map<string, ArrayTensor>> {
  const params = initParams(spec, 7);
  const tensors = await tensorsFromParams(spec, params);
  disposeTree(params);
  for (const [name, change] of Object.entries(changes)) {
    if (change) tensors.set(name, change);
    else tensors.delete(name);
  }
  return tensors;
}

async function bits(params: Params<typeof spec>): Promise<Record<string, number[]>> {
  const all: Record<string, number[]> = {};
  for (const [{ name }, param] of namedParams(spec, params)) all[name] = [...new Int32Array((await param.data()).slice().buffer)];
  return all;
}

const floats = (shape: number[], values: number[], dtype?: ArrayTensor['dtype']): ArrayTensor => ({
  shape,
  values: Float32Array.from(values),
  dtype,
});

beforeAll(() => setBackend('cpu'));

describe('params and files', () => {
  it('keeps every bit from fresh params over a file to loaded params', async () => {
    const params = initParams(spec, 3);
    const file = parseSafetensors(serializeSafetensors(await tensorsFromParams(spec, params)));
    expect(await bits(await paramsFromTensors(spec, readTensors(file)))).toEqual(await bits(params));
    expect(await bits(await loadParams(spec, file))).toEqual(await bits(params));
  });

  it('saves constants, and the same file in pieces', async () => {
    const params = initParams(spec, 3);
    const file = serializeSafetensors(await tensorsFromParams(spec, params));
    expect(readTensors(parseSafetensors(file)).get('angle')?.values).toEqual(ANGLES);
    const pieces: number[] = [];
    for await (const piece of safetensorsPieces(paramsSource(spec, params))) pieces.push(...piece);
    expect(pieces).toEqual([...file]);
  });

  it('leaves the caller owner of arrays that it loads and saves', async () => {
    const tensors = await stored();
    const params = await paramsFromTensors(spec, tensors);
    (tensors.get('layers.0.norm.weight') as ArrayTensor).values[0] = 99;
    expect((await params.layers[0]?.norm.data())?.[0]).toBe(1);
    const saved = await tensorsFromParams(spec, params);
    (saved.get('layers.0.norm.weight') as ArrayTensor).values[0] = 99;
    expect((await params.layers[0]?.norm.data())?.[0]).toBe(1);
  });

  it('refuses to save params of another shape', () => {
    const params = { ...initParams(spec, 3), embedding: tensor([[1]]) } as unknown as Params<typeof spec>;
    expect(() => paramsSource(spec, params)).toThrow(/`embeddings.weight` does not fit.*\n.*\[5, 2\].*\n.*\[1, 1\]/);
  });
});

describe('names on disk', () => {
  it('reads a tensor under an alias', async () => {
    const tensors = await stored();
    const embedding = tensors.get('embeddings.weight');
    const renamed = await stored({ 'embeddings.weight': undefined, 'embedding.weight': embedding });
    expect(await bits(await paramsFromTensors(spec, renamed))).toEqual(await bits(await paramsFromTensors(spec, tensors)));
  });

  it('reads a tied head that is stored twice, if both are equal', async () => {
    const head = (await stored()).get('embeddings.weight');
    const tensors = await stored({ 'lm_head.weight': head });
    expect((await paramsFromTensors(spec, tensors)).embedding.shape).toEqual([5, 2]);
    tensors.set('lm_head.weight', floats([5, 2], new Array(10).fill(0.5)));
    await expect(paramsFromTensors(spec, tensors)).rejects.toThrow(/`embeddings.weight` and `lm_head.weight` are one tensor .* differ/);
  });

  it('starts what may be missing as a fresh model does', async () => {
    const name = 'layers.1.proj.weight';
    const tensors = await stored({ [name]: undefined });
    const allowMissing = (missing: string) => missing === name;
    const loaded = await bits(await paramsFromTensors(spec, tensors, { allowMissing, seed: 7 }));
    expect(loaded).toEqual(await bits(initParams(spec, 7)));
    await expect(paramsFromTensors(spec, tensors, { allowMissing })).rejects.toThrow(expect.objectContaining({ code: 'OPTION' }));
  });
});

describe('weights that do not fit', () => {
  const extra = floats([1], [1]);
  it.each<[string, Record<string, ArrayTensor | undefined>, RegExp]>([
    ['one missing', { 'layers.0.proj.bias': undefined }, /weights are missing.\n.*layers.0.proj.bias\n.*6 tensors/],
    ['an alias in place of a name that has none', { 'layers.0.norm.weight': undefined, x: extra }, /layers.0.norm.weight\n.*instead x/],
    ['one misshapen', { 'layers.0.proj.weight': floats([2, 3], [1, 2, 3, 4, 5, 6]) }, /wrong shape.\n.*proj.weight \[3, 2\]\n.*\[2, 3\]/],
    ['a constant misshapen', { angle: extra }, /wrong shape.\n.*angle \[3\]\n.*\[1\]/],
    ['an alias misshapen', { 'lm_head.weight': extra }, /wrong shape.\n.*lm_head.weight \[5, 2\]/],
    ['one unexpected', { 'layers.9.proj.weight': extra }, /tensors that the model does not have.\n.*7 tensors.*\n.*layers.9.proj.weight/],
  ])('refuses %s', async (_, changes, message) => {
    const tensors = await stored(changes);
    const expected = expect.objectContaining({ code: 'WEIGHTS', message: expect.stringMatching(message) });
    await expect(paramsFromTensors(spec, tensors)).rejects.toThrow(expected);
  });

  it('lists the first few and how many there are, in one error', async () => {
    const extras = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`extra.${i}`, extra]));
    const tensors = await stored(extras);
    await expect(paramsFromTensors(spec, tensors, { where: 'model.safetensors' })).rejects.toThrowErrorMatchingInlineSnapshot(`
      [SsmError: model.safetensors: there are tensors that the model does not have.
        expected  7 tensors of the model
        got       extra.0; extra.1; extra.2; extra.3; … (30 in all)
        fix       use the config.json that belongs to these weights, or leave tensors out with ignoreUnexpected]
    `);
    const ignoreUnexpected = (name: string) => name.startsWith('extra.');
    expect((await paramsFromTensors(spec, tensors, { ignoreUnexpected })).layers.length).toBe(2);
  });

  it('refuses weights that are integers', async () => {
    const tensors = await stored({ 'layers.0.norm.weight': { shape: [2], values: new Int32Array(2) } });
    await expect(paramsFromTensors(spec, tensors)).rejects.toThrow(expect.objectContaining({ code: 'DTYPE' }));
  });

  it('checks all names before it reads a tensor, and frees what it made when reading fails', async () => {
    const tensors = await stored();
    const file = parseSafetensors(serializeSafetensors(tensors));
    const before = engine().memory().numTensors;
    let reads = 0;
    const read = async (name: string) => {
      if (++reads === 4) throw new Error('the disk is gone');
      return file.read(name);
    };
    await expect(loadParams(spec, { tensors: file.tensors, read })).rejects.toThrow('the disk is gone');
    expect([reads, engine().memory().numTensors]).toEqual([4, before]);
    await expect(loadParams({ other: gain('other', 1) }, { tensors: file.tensors, read })).rejects.toThrow(/weights are missing/);
    expect(reads).toBe(4);
  });
});

describe('constants', () => {
  const load = async (values: number[], dtype: ArrayTensor['dtype'], options?: LoadOptions) =>
    disposeTree(await paramsFromTensors(spec, await stored({ angle: floats([3], values, dtype) }), options));

  it('may be absent', async () => {
    expect((await paramsFromTensors(spec, await stored({ angle: undefined }))).embedding.shape).toEqual([5, 2]);
  });

  it.each<[ArrayTensor['dtype'], number[]]>([
    ['F32', [1, Math.fround(0.1) + 7e-9, 1e-4]], // the next float32
    ['F16', [1, 0.0999755859375, 0.00010001659393310547]],
    ['BF16', [1, 0.10009765625, 0.0001001358]],
    ['F64', [1, 0.1, 1e-4]],
  ])('stored as %s may be as far from the config as that type rounds', async (dtype, values) => {
    await expect(load(values, dtype)).resolves.toBeUndefined();
  });

  it.each<[ArrayTensor['dtype'], number[]]>([
    ['F32', [1, 0.10001, 1e-4]],
    ['F16', [1, 0.1003, 1e-4]],
    ['BF16', [1, 0.102, 1e-4]],
    ['F32', [1, Number.NaN, 1e-4]],
  ])('stored as %s with another value are refused', async (dtype, values) => {
    await expect(load(values, dtype)).rejects.toThrow(/constant `angle` is not the one.*\n.*0.10000000149011612 at 1/);
  });
});
