import { PackedLinear } from '@densessm/kernels';
import {
  type DecoderOptions,
  disposeTree,
  mapTree,
  type SequenceModel,
  type TreePath,
  tensorsOf,
  tidyTree,
  type WeightType,
} from '@densessm/ssm-core';
import { memory, setBackend, tensor2d } from '@tensorflow/tfjs-core';
import { beforeEach, describe, expect, it } from 'vitest';
import { expectClose } from './expect-close';
import { shaken } from './sequence-model/parts';

export interface DecoderCases {
  /** config.json files that the decoder is fast for; their vocabulary has 24 tokens. */
  fast: Record<string, object>;
  /** Of those one whose weights are rounded. */
  rounded: object;
  /** What {@link rounded} leaves in float32 among its matrices, and what it rounds to bfloat16 where others are whole numbers. */
  exact?: (path: TreePath) => boolean;
  small: (path: TreePath) => boolean;
  /** config.json files that it leaves to `advance`. */
  slow: Record<string, object>;
}

const VOCABULARY = 24;
const TOKENS = [
  [3, 1, 4, 1, 5, 9, 2],
  [2, 7, 1, 8, 2, 8, 1],
  [0, 23, 5, 7, 7, 0, 6],
];
const [BATCH, LENGTH] = [3, 7];
const columnOf = (t: number): number[] => TOKENS.map((row) => row[t] as number);

/** What every decoder owes: the logits and states of `advance` from any position on, rounded weights that are only rounded, errors, and no tensor left behind. */
export function describeDecoder<C, P extends object, S extends object>(
  where: string,
  model: SequenceModel<C, P, S>,
  cases: DecoderCases,
): void {
  const make = (json: object) => {
    const config = model.parseConfig(json);
    return { config, params: shaken(model.init(config, 5)) };
  };
  const decoderOf = async ({ config, params }: ReturnType<typeof make>, options: Partial<DecoderOptions> = {}) => {
    const decoder = await model.decoder?.(params, config, { weights: 'f32', batch: BATCH, ...options });
    if (!decoder) throw new Error('no decoder');
    return decoder;
  };
  beforeEach(async () => {
    await setBackend('wasm');
  });

  it.each(Object.entries(cases.fast))(`${where} follows advance from any position on: %s`, async (_, json) => {
    const made = make(json);
    const before = memory().numTensors;
    const decoder = await decoderOf(made);
    let state = model.initialState(made.config, BATCH);
    for (let t = 0; t < LENGTH; t++) {
      if (t === 4) {
        for (const id of [1, 2]) decoder.step([id, id, id]); // goes elsewhere, and is called back
        await decoder.load(state);
      }
      const ids = columnOf(t);
      const [want, next] = model.advance(
        made.params,
        made.config,
        ids.map((id) => [id]),
        state,
      );
      await expectClose(`logits ${t}`, want, decoder.step(ids), 2e-5); // float32 sums in another order
      const own = decoder.state();
      await expectSameState(next, own);
      disposeTree([want, state, own]);
      state = next;
    }
    decoder.dispose();
    decoder.dispose();
    expect(() => decoder.step([1, 1, 1])).toThrow(/the decoder was disposed of/);
    disposeTree(state);
    expect(memory().numTensors).toBe(before);
    disposeTree(made.params);
  });

  it.each(['bf16', 'int8', 'int4'] as const)(`${where} with rounded weights is the model with those weights: %s`, async (weights) => {
    const made = make(cases.rounded);
    const typeOf = (path: TreePath) => (cases.exact?.(path) ? 'f32' : cases.small(path) ? 'bf16' : weights);
    const params = await roundedParams(made.params, typeOf);
    const decoder = await decoderOf(made, { weights });
    const logits = model.forward(params, made.config, TOKENS);
    let got: ArrayLike<number> = [];
    for (let t = 0; t < LENGTH; t++) got = decoder.step(columnOf(t));
    const all = await logits.data();
    const last = TOKENS.flatMap((_, row) => [...all.subarray(((row + 1) * LENGTH - 1) * VOCABULARY, (row + 1) * LENGTH * VOCABULARY)]);
    await expectClose('logits', last, got, 1e-3); // activations of 16 bits, through all layers
    decoder.dispose();
    disposeTree([logits, params, made.params]);
  });

  describe(where, () => {
    it('leaves to advance what it has no fast form for', async () => {
      for (const json of Object.values(cases.slow)) {
        const { config, params } = make(json);
        expect(await model.decoder?.(params, config, { batch: 1 })).toBeUndefined();
        disposeTree(params);
      }
      await setBackend('cpu');
      const { config, params } = make(cases.rounded);
      expect(await model.decoder?.(params, config, { batch: 1 })).toBeUndefined();
      disposeTree(params);
    });

    it('refuses tokens, states and batches that do not fit', async () => {
      const made = make(cases.rounded);
      const decoder = await decoderOf(made, { batch: 2 });
      expect(() => decoder.step([1, VOCABULARY])).toThrow(`${where}: these tokens cannot be read.
  expected  2 whole numbers from 0 to 23, one for each text
  got       24`);
      expect(() => decoder.step([1])).toThrow(/got {7}1 tokens/);
      const other = model.initialState(made.config, 3);
      await expect(decoder.load(other)).rejects.toThrow(expect.objectContaining({ code: 'STATE' }));
      await expect(decoderOf(made, { batch: 0 })).rejects.toThrow(`${where}: \`batch\` cannot be used`);
      await expect(decoderOf(made, { weights: 'f64' as never })).rejects.toThrow(/weights cannot be kept in this type/);
      decoder.dispose();
      disposeTree([other, made.params]);
    });
  });
}

async function expectSameState(wanted: object, got: object): Promise<void> {
  const [want, own] = [[...tensorsOf(wanted)], [...tensorsOf(got)]];
  expect(own.map(([path]) => path)).toEqual(want.map(([path]) => path));
  for (const [i, [path, tensor]] of want.entries())
    if (tensor.size > 0) await expectClose(path.join('.'), tensor, (own[i] as (typeof own)[number])[1], 5e-5); // not normed, as logits are
  const numbers = (state: object) => JSON.stringify(mapTree(state, () => null));
  expect(numbers(got)).toBe(numbers(wanted));
}

/** The params with every matrix as it is once packed. */
async function roundedParams<P extends object>(params: P, typeOf: (path: TreePath) => WeightType): Promise<P> {
  const rounded = new Map<number, Float32Array>();
  for (const [path, tensor] of tensorsOf(params)) {
    if (tensor.rank !== 2) continue;
    const shape = tensor.shape as [number, number];
    const packed = PackedLinear.pack((await tensor.data()) as Float32Array, shape, { type: typeOf(path) });
    rounded.set(tensor.id, Float32Array.from(Array.from({ length: shape[0] }, (_, row) => [...packed.row(row)]).flat()));
    packed.dispose();
  }
  return tidyTree(() =>
    mapTree(params, (tensor) => {
      const values = rounded.get(tensor.id);
      return values ? tensor2d(values, tensor.shape as [number, number]) : tensor.clone();
    }),
  );
}
