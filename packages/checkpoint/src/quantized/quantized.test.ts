import {
  type AnyModel,
  bias,
  fromBf16,
  gain,
  initParams,
  namedParams,
  quantizeInt4,
  quantizeInt8,
  SsmError,
  weight,
} from '@densessm/ssm-core';
import { engine, reshape, setBackend } from '@tensorflow/tfjs-core';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  fileSetOf,
  type LoadedModel,
  loadPretrainedFiles,
  openWeights,
  parseConfigText,
  parseSafetensors,
  pretrainedFiles,
  quantizedSource,
  type SavePretrainedOptions,
  splitQuantization,
} from '../index';
import { packNibbles, unpackNibbles } from './layout';

/** Widths that fill no group and no byte. */
const spec = {
  embed: weight('embed.weight', [6, 37], { aliases: ['head.weight'] }),
  proj: weight('proj.weight', [5, 64]),
  delta: weight('delta.weight', [5, 3], { precision: 'fine' }),
  aLog: weight('A_log', [5, 4], { precision: 'exact' }),
  norm: gain('norm.weight', 7),
  bias: bias('bias', 5, { init: (shape, seed) => reshape(initParams(weight('b', [1, shape[0] as number]), seed), shape) as never }),
};
const tiny = {
  modelType: 'tiny',
  recognizes: () => true,
  parseConfig: (json: object) => json,
  configToJson: (config: object) => ({ ...config }),
  spec: () => spec,
} as unknown as AnyModel;

beforeEach(async () => {
  await setBackend('cpu');
});

const fresh = (): LoadedModel => ({ model: tiny, config: { size: 1, torch_dtype: 'float16' }, params: initParams(spec, 3) });

async function written(model: LoadedModel, saving: SavePretrainedOptions): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  for (const { name, pieces } of pretrainedFiles(model, saving)) {
    const parts: Uint8Array<ArrayBuffer>[] = [];
    for await (const piece of pieces) parts.push(new Uint8Array(piece));
    files.set(name, new Uint8Array(await new Blob(parts).arrayBuffer()));
  }
  return files;
}

const asFiles = (files: ReadonlyMap<string, Uint8Array<ArrayBuffer>>): File[] => [...files].map(([name, bytes]) => new File([bytes], name));
const load = (files: ReadonlyMap<string, Uint8Array<ArrayBuffer>>) => loadPretrainedFiles(asFiles(files), { models: [tiny] });

async function valuesOf({ params }: LoadedModel): Promise<Record<string, Float32Array>> {
  const all: Record<string, Float32Array> = {};
  for (const [{ name }, tensor] of namedParams(spec, params)) all[name] = (await tensor.data()) as Float32Array;
  return all;
}

/** What a matrix is after rounding, group by group. */
function rounded(values: Float32Array, width: number, quantize: typeof quantizeInt8): Float32Array {
  const result = new Float32Array(values.length);
  for (let row = 0; row < values.length; row += width) {
    for (let start = row; start < row + width; start += 32) {
      const group = values.subarray(start, Math.min(start + 32, row + width));
      const numbers = new Int8Array(group.length);
      const scale = fromBf16(quantize(group, numbers));
      result.set(
        Float32Array.from(numbers, (number) => scale * number),
        start,
      );
    }
  }
  return result;
}

describe.each([
  ['INT8', 8, quantizeInt8, 'I8', 37],
  ['INT4', 4, quantizeInt4, 'U8', 19],
] as const)('a model saved as %s', (dtype, bits, quantize, stored, rowBytes) => {
  it('is read back as the float32 numbers that its matrices stand for, from one file or shards', async () => {
    const model = fresh();
    const want = await valuesOf(model);
    want['embed.weight'] = rounded(want['embed.weight'] as Float32Array, 37, quantize);
    want['proj.weight'] = rounded(want['proj.weight'] as Float32Array, 64, quantize);
    want['delta.weight'] = (want['delta.weight'] as Float32Array).map((value) => fromBf16(((bitsOf(value) + 0x8000) & 0xffff0000) >>> 16));
    for (const maxShardBytes of [5e9, 200]) {
      const files = await written(model, { dtype, maxShardBytes });
      expect(files.size > 2).toBe(maxShardBytes === 200);
      const again = await load(files);
      expect(again.config).toEqual({ size: 1, torch_dtype: 'float32' });
      expect(await valuesOf(again)).toEqual(want);
    }
  });

  it('lies on disk as QUANTIZED.md says', async () => {
    const files = await written(fresh(), { dtype });
    const { tensors } = parseSafetensors(files.get('model.safetensors') as Uint8Array);
    expect(Object.fromEntries([...tensors].map(([name, entry]) => [name, [entry.dtype, ...entry.shape]]))).toEqual({
      'embed.weight': [stored, 6, rowBytes],
      'embed.weight.scales': ['BF16', 6, 2],
      'proj.weight': [stored, 5, bits === 8 ? 64 : 32],
      'proj.weight.scales': ['BF16', 5, 2],
      'delta.weight': ['BF16', 5, 3],
      A_log: ['F32', 5, 4],
      'norm.weight': ['F32', 7],
      bias: ['F32', 5],
    });
    const config = parseConfigText(new TextDecoder().decode(files.get('config.json')));
    expect(config).toMatchObject({ quantization_config: { quant_method: 'densessm', bits, group_size: 32 } });
    expect(splitQuantization('', config)).toEqual({ json: { size: 1, torch_dtype: 'float32' }, quantization: { bits } });
  });

  it('gives its numbers and scales by rows, and any part of a matrix', async () => {
    const model = fresh();
    const files = await written(model, { dtype });
    const { source } = await openWeights(fileSetOf(asFiles(files)));
    const opened = quantizedSource('here', source, spec, { bits });
    expect([...opened.quantized]).toEqual([
      ['embed.weight', [6, 37]],
      ['proj.weight', [5, 64]],
    ]);
    const { numbers, scales } = await opened.readRows('embed.weight', 1, 2);
    const row = ((await valuesOf(await load(files)))['embed.weight'] as Float32Array).subarray(37, 3 * 37);
    expect(
      Float32Array.from(numbers, (number, i) => number * fromBf16(scales[2 * Math.floor(i / 37) + Math.floor((i % 37) / 32)] as number)),
    ).toEqual(row);
    const part = await opened.readPart('embed.weight', 40, 20);
    expect(new Float32Array(new Uint8Array(part).buffer)).toEqual(row.slice(3, 23));
    expect(await opened.readPart('embed.weight', 40, 0)).toHaveLength(0);
    expect((await opened.read('proj.weight')).bytes).toHaveLength(4 * 5 * 64);
  });
});

const bitsOf = (value: number): number => new Uint32Array(Float32Array.of(value).buffer)[0] as number;

describe('numbers of four bits', () => {
  it('lie two in a byte, the even column in the lower half', () => {
    const numbers = Int8Array.of(-8, 7, 0, 1, -1, 3);
    expect([...packNibbles(numbers, 3)]).toEqual([0xf0, 0x08, 0x79, 0x0b]);
    expect(unpackNibbles(packNibbles(numbers, 3), 3)).toEqual(numbers);
  });
});

describe('a broken quantized model', () => {
  async function refusal(change: (files: Map<string, Uint8Array<ArrayBuffer>>) => void): Promise<SsmError> {
    const files = await written(fresh(), { dtype: 'INT8' });
    change(files);
    const before = engine().memory().numTensors;
    const error: unknown = await load(files).then(
      () => expect.unreachable('it was loaded'),
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(SsmError);
    expect(engine().memory().numTensors).toBe(before);
    return error as SsmError;
  }
  type Tensors = Map<string, { dtype: string; shape: number[]; bytes: Uint8Array }>;
  /** Changes the tensors of the weights' file. */
  const tensors =
    (change: (tensors: Tensors) => void) =>
    (files: Map<string, Uint8Array<ArrayBuffer>>): void => {
      const parsed = parseSafetensors(files.get('model.safetensors') as Uint8Array).tensors;
      const copies: Tensors = new Map(
        [...parsed].map(([name, { dtype, shape, bytes }]) => [name, { dtype, shape: [...shape], bytes: bytes.slice() }]),
      );
      change(copies);
      files.set('model.safetensors', safetensorsOf(copies));
    };
  const config = (change: object | undefined) => (files: Map<string, Uint8Array<ArrayBuffer>>) => {
    files.set('config.json', new TextEncoder().encode(JSON.stringify({ size: 1, quantization_config: change })));
  };

  it('meets one error that says what is missing', async () => {
    expect(await refusal(tensors((all) => all.delete('proj.weight.scales')))).toMatchInlineSnapshot(`
      [SsmError: the chosen files/model.safetensors: the quantized matrix \`proj.weight\` is not complete.
        expected  \`proj.weight.scales\` as BF16 [5, 2]
        got       nothing
        fix       use the config.json that belongs to these weights, or quantize the model again with densessm convert]
    `);
    expect((await refusal(tensors((all) => all.delete('proj.weight')))).message).toMatch(
      /`proj.weight` as I8 \[5, 64\]\n {2}got {7}nothing/,
    );
    const narrow = tensors((all) => all.set('proj.weight.scales', { dtype: 'BF16', shape: [5, 1], bytes: new Uint8Array(10) }));
    expect((await refusal(narrow)).message).toMatch(/as BF16 \[5, 2\]\n {2}got {7}BF16 \[5, 1\]/);
    const infinite = tensors((all) => all.get('proj.weight.scales')?.bytes.set([0x80, 0x7f], 4));
    expect((await refusal(infinite)).message).toMatch(/`proj.weight.scales` holds scales that are not finite/);
    expect((await refusal(tensors((all) => all.delete('norm.weight')))).message).toMatch(/weights are missing/);
  });

  it('meets one error where its config says something else', async () => {
    expect(await refusal(config({ quant_method: 'gptq', bits: 4, group_size: 128 }))).toMatchInlineSnapshot(`
      [SsmError: the chosen files/config.json: the weights are quantized in a way that is not read.
        expected  quantization_config with quant_method 'densessm', bits 8 or 4, group_size 32
        got       {"quant_method":"gptq","bits":4,"group_size":128}
        fix       get the weights in F32, F16 or BF16, and quantize them with densessm convert --dtype int8]
    `);
    for (const other of [
      { quant_method: 'densessm', bits: 2, group_size: 32 },
      { quant_method: 'densessm', bits: 8, group_size: 64 },
      'int8' as never,
    ])
      expect(await refusal(config(other))).toMatchObject({ code: 'CONFIG' });
    expect((await refusal(config({ quant_method: 'densessm', bits: 4, group_size: 32 }))).message).toMatch(
      /as U8 \[6, 19\]\n {2}got {7}I8 \[6, 37\]/,
    );
    expect(await refusal(config(undefined))).toMatchObject({ code: 'WEIGHTS' });
  });

  it('is not written where a weight is not finite', async () => {
    const model = fresh();
    const [, proj] = [...namedParams(spec, model.params)][1] as [unknown, { data(): Promise<Float32Array> }];
    (await proj.data())[65] = Number.NaN; // tfjs's cpu backend gives its own array
    await expect(written(model, { dtype: 'INT4' })).rejects.toThrow(/`proj.weight` cannot be quantized.\n.*\n {2}got {7}NaN at 65/);
  });
});

/** A file with any element types. */
function safetensorsOf(tensors: ReadonlyMap<string, { dtype: string; shape: number[]; bytes: Uint8Array }>): Uint8Array<ArrayBuffer> {
  let at = 0;
  const entries = [...tensors].map(([name, { dtype, shape, bytes }]) => {
    at += bytes.length;
    return [name, { dtype, shape, data_offsets: [at - bytes.length, at] }];
  });
  const header = new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries)));
  const file = new Uint8Array(8 + header.length + at);
  new DataView(file.buffer).setBigUint64(0, BigInt(header.length), true);
  file.set(header, 8);
  let place = 8 + header.length;
  for (const { bytes } of tensors.values()) {
    file.set(bytes, place);
    place += bytes.length;
  }
  return file;
}
