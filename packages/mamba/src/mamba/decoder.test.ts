import { PackedLinear } from '@densessm/kernels';
import { type DecoderOptions, disposeTree, mapTree, tensorsOf } from '@densessm/ssm-core';
import { expectClose } from '@densessm/testing';
import { memory, setBackend, tensor2d } from '@tensorflow/tfjs-core';
import { beforeEach, describe, expect, it } from 'vitest';
import { denseMamba, mamba } from '../index';
import { mambaDecoder } from './decoder';
import type { MambaParams } from './spec';

beforeEach(async () => {
  await setBackend('wasm');
});

const small = { vocab_size: 24, hidden_size: 10, num_hidden_layers: 3, initializer_range: 0.3, state_size: 5, time_step_rank: 3 };
const dense = { ...small, model_type: 'dense_mamba', dense_block_layers: 2 };
const cases: Record<string, object> = {
  mamba: small,
  'untied, with biases, a wide filter and fractional expansion': {
    ...{ ...small, tie_word_embeddings: false, use_bias: true, use_conv_bias: false, conv_kernel: 7, expand: 1.55 },
  },
  'a filter of one token': { ...small, conv_kernel: 1, state_size: 16 },
  'dense, two layers below': dense,
  'dense, a linear gate': { ...dense, dense_gate: 'linear' },
  'dense, no gate': { ...dense, dense_gate: 'none' },
  'dense, blocks': { ...dense, num_hidden_layers: 5, dense_scope: 'block' },
};
const tokens = [
  [3, 1, 4, 1, 5, 9, 2],
  [2, 7, 1, 8, 2, 8, 1],
  [0, 23, 5, 7, 7, 0, 6],
];
const [BATCH, LENGTH] = [3, 7];
const columnOf = (t: number): number[] => tokens.map((row) => row[t] as number);

/** A model whose gates are open: what starts at zero does not stay so. */
function modelOf(json: object) {
  const model = 'dense_block_layers' in json ? denseMamba : mamba;
  const config = model.parseConfig(json);
  const fresh = model.init(config, 5);
  const params = mapTree(fresh, (tensor, path) => {
    if (!path.includes('dense')) return tensor.clone();
    const [rows, columns] = tensor.shape as [number, number];
    return tensor2d(
      Float32Array.from({ length: tensor.size }, (_, i) => Math.sin(7 * i + rows)),
      [rows, columns],
    );
  });
  disposeTree(fresh);
  return { model, config, params };
}

const decoderOf = async ({ params, config }: ReturnType<typeof modelOf>, options: Partial<DecoderOptions> = {}) => {
  const decoder = await mambaDecoder(params, config, { weights: 'f32', batch: BATCH, ...options });
  if (!decoder) throw new Error('no decoder');
  return decoder;
};

describe.each(Object.entries(cases))('mambaDecoder: %s', (_, json) => {
  it('gives the logits and the state of advance, from any position on, and leaves nothing behind', async () => {
    const made = modelOf(json);
    const { model, params, config } = made;
    const before = memory().numTensors;
    const decoder = await decoderOf(made);
    let state = model.initialState(config, BATCH);
    for (let t = 0; t < LENGTH; t++) {
      if (t === 4) {
        for (const id of [1, 2]) decoder.step([id, id, id]); // goes elsewhere, and is called back
        await decoder.load(state);
      }
      const [want, next] = model.advance(
        params,
        config,
        columnOf(t).map((id) => [id]),
        state,
      );
      await expectClose(`logits ${t}`, want, decoder.step(columnOf(t)), 2e-5); // float32 sums in another order
      const own = decoder.state();
      const [wanted, got] = [[...tensorsOf(next)], [...tensorsOf(own)]];
      for (const [i, [path, tensor]] of wanted.entries())
        if (tensor.size > 0) await expectClose(`${path.join('.')} ${t}`, tensor, got[i]?.[1] as typeof tensor, 2e-5);
      disposeTree([want, state, own]);
      state = next;
    }
    decoder.dispose();
    decoder.dispose();
    expect(() => decoder.step([1, 1, 1])).toThrow(/the decoder was disposed of/);
    disposeTree(state);
    expect(memory().numTensors).toBe(before);
    disposeTree(params);
  });
});

describe('mambaDecoder with rounded weights', () => {
  it.each(['bf16', 'int8', 'int4'] as const)('is the model with those weights: %s', async (weights) => {
    const made = modelOf({ ...dense, hidden_size: 40 });
    const { model, config } = made;
    const params = (await roundedParams(made.params, weights)) as MambaParams;
    const decoder = await decoderOf(made, { weights });
    const logits = model.forward(params, config, tokens);
    let got = new Float32Array();
    for (let t = 0; t < LENGTH; t++) got = decoder.step(columnOf(t)) as typeof got;
    const all = await logits.data();
    const last = tokens.flatMap((_, row) => [...all.subarray(((row + 1) * LENGTH - 1) * 24, (row + 1) * LENGTH * 24)]);
    await expectClose('logits', Float32Array.from(last), got, 1e-3); // activations of 16 bits, through three layers
    decoder.dispose();
    disposeTree([logits, params, made.params]);
  });
});

/** The params as the decoder rounds them: the convolution, A, norms and biases not at all, what is small in bfloat16. */
async function roundedParams(params: MambaParams, weights: 'bf16' | 'int8' | 'int4'): Promise<unknown> {
  const rounded = new Map<number, Float32Array>();
  for (const [path, tensor] of tensorsOf(params)) {
    if (tensor.rank !== 2 || path.includes('aLog')) continue;
    const type = path.includes('dtProj') || path.includes('dense') ? 'bf16' : weights;
    const shape = tensor.shape as [number, number];
    const packed = PackedLinear.pack((await tensor.data()) as Float32Array, shape, { type });
    rounded.set(tensor.id, Float32Array.from(Array.from({ length: shape[0] }, (_, row) => [...packed.row(row)]).flat()));
    packed.dispose();
  }
  return mapTree(params, (tensor) => {
    const values = rounded.get(tensor.id);
    return values ? tensor2d(values, tensor.shape as [number, number]) : tensor.clone();
  });
}

describe('mambaDecoder', () => {
  it('leaves to advance what it has no fast form for', async () => {
    const options = { weights: 'f32', batch: 1 } as const;
    for (const choice of [
      { dense_fusion: 'input' },
      { dense_fusion_method: 'concat' },
      { dense_projection: 'linear' },
      { dense_gate_per_source: true },
    ]) {
      const { config, params } = modelOf({ ...dense, ...choice });
      expect(await mambaDecoder(params, config, options)).toBeUndefined();
      disposeTree(params);
    }
    await setBackend('cpu');
    const { config, params } = modelOf(small);
    expect(await mambaDecoder(params, config, options)).toBeUndefined();
    disposeTree(params);
  });

  it('refuses tokens, states and batches that do not fit', async () => {
    const made = modelOf(small);
    const decoder = await decoderOf(made, { batch: 2 });
    expect(() => decoder.step([1, 24])).toThrowErrorMatchingInlineSnapshot(`
      [SsmError: mambaDecoder: these tokens cannot be read.
        expected  2 whole numbers from 0 to 23, one for each text
        got       24
        mend      encode the text with this model's own tokenizer]
    `);
    expect(() => decoder.step([1])).toThrow(/got {7}1 tokens/);
    const other = mamba.initialState(made.config, 3);
    await expect(decoder.load(other)).rejects.toThrow(/the state does not fit/);
    await expect(decoderOf(made, { batch: 0 })).rejects.toThrow(/`batch` cannot be used/);
    await expect(decoderOf(made, { weights: 'f64' as never })).rejects.toThrow(/weights cannot be kept in this type/);
    decoder.dispose();
    disposeTree([other, made.params]);
  });
});
