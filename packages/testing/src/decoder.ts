import { packParams } from '@densessm/kernels';
import {
  type ChoiceRules,
  type Decoder,
  disposeTree,
  isPacked,
  mapTree,
  namedParams,
  type PackedMatrix,
  type SequenceModel,
  type TokenChooser,
  tensorsOf,
  type WeightType,
} from '@densessm/ssm-core';
import { memory, setBackend, type Tensor } from '@tensorflow/tfjs-core';
import { beforeEach, describe, expect, it } from 'vitest';
import { expectClose } from './expect-close';
import { unpacked } from './sequence-model/packed';
import { shaken } from './sequence-model/parts';

export interface DecoderCases {
  /** config.json files that the decoder is fast for; their vocabulary has 24 tokens. */
  fast: Record<string, object>;
  /** Of those one whose weights are rounded. */
  rounded: object;
  /** Names on disk of the matrices that stay bfloat16 where others are integers. */
  fine: RegExp;
  /** config.json files that it leaves to `advance`. */
  slow: Record<string, object>;
  /** The backend that runs the decoders; wasm unless given. */
  backend?: string;
  /** Whether they choose tokens there by themselves. */
  isChoosing?: boolean;
}

/** The backend of `advance` and `forward`, beside which decoders are looked at. */
const ORACLE = 'wasm';
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
  const packed = ({ config, params }: ReturnType<typeof make>, weights: WeightType = 'f32') =>
    packParams(model.spec(config), params, { weights });
  const decoderOf = async ({ config, params }: ReturnType<typeof make>, batch = BATCH): Promise<Decoder<S>> => {
    const decoder = await model.decoder?.(config, { batch })?.(params);
    if (!decoder) throw new Error('no decoder');
    return decoder;
  };
  const { backend = ORACLE, isChoosing = false } = cases;
  /** What `made` is on the backend of the decoders, whose tensors would move there. */
  const decoderOn = async (json: object, weights: WeightType = 'f32') => {
    await setBackend(backend);
    const own = make(json);
    const params = await packed(own, weights);
    disposeTree(own.params);
    return { params, decoder: await decoderOf({ ...own, params }) };
  };
  beforeEach(async () => {
    await setBackend(backend);
  });

  it.each(Object.entries(cases.fast))(`${where} follows advance from any position on: %s`, async (_, json) => {
    await setBackend(ORACLE);
    const made = make(json);
    const before = memory().numTensors;
    const { params, decoder } = await decoderOn(json);
    await setBackend(ORACLE);
    let state = model.initialState(made.config, BATCH);
    for (let t = 0; t < LENGTH; t++) {
      await setBackend(backend);
      if (t === 4) {
        for (const id of [1, 2]) await decoder.step([id, id, id]); // goes elsewhere, and is called back
        await decoder.load(state);
      }
      const ids = columnOf(t);
      const got = await decoder.step(ids);
      const own = decoder.state();
      await setBackend(ORACLE);
      const [want, next] = model.advance(
        made.params,
        made.config,
        ids.map((id) => [id]),
        state,
      );
      await expectClose(`logits ${t}`, want, got, 2e-5); // float32 sums in another order
      await expectSameState(next, own);
      disposeTree([want, state, own]);
      state = next;
    }
    decoder.dispose();
    decoder.dispose();
    await expect(decoder.step([1, 1, 1])).rejects.toThrow(/the decoder was disposed of/);
    disposeTree([state, params]);
    expect(memory().numTensors).toBe(before);
    disposeTree(made.params);
  });

  it.each(Object.entries(cases.fast))(
    `${where} reads rows that come, go and are at places of their own as if each was alone: %s`,
    async (_, json) => {
      await setBackend(backend);
      const made = make(json);
      const params = await packed(made);
      const before = memory().numTensors;
      const [alone, rows] = [await decoderOf({ ...made, params }, 1), await decoderOf({ ...made, params }, BATCH)];
      const start = model.initialState(made.config, 1);
      const texts: { readonly tokens: number[]; bits: number[][] }[] = TOKENS.map((tokens) => ({ tokens, bits: [] }));
      const states: S[] = [];
      for (const text of texts) {
        await alone.load(start);
        for (const id of text.tokens) text.bits.push([...(await alone.step([id]))]);
        states.push(alone.stateOfRow(0));
      }
      const bitsOf = (logits: Float32Array, row: number): number[] => [...logits.subarray(row * VOCABULARY, (row + 1) * VOCABULARY)];
      /** One token of each of these texts, in rows of their order. */
      const read = async (...places: readonly [text: number, place: number][]): Promise<void> => {
        const logits = await rows.step(places.map(([text, place]) => texts[text]?.tokens[place] as number));
        expect(logits.length).toBe(places.length * VOCABULARY);
        for (const [row, [text, place]] of places.entries()) expect(bitsOf(logits, row)).toEqual(texts[text]?.bits[place]);
      };
      await rows.loadRow(0, start);
      for (const place of [0, 1]) await read([0, place]);
      await rows.loadRow(1, start);
      await read([0, 2], [1, 0]);
      await rows.loadRow(2, start);
      for (const place of [0, 1]) await read([0, 3 + place], [1, 1 + place], [2, place]);
      rows.copyRow(2, 0); // the first text leaves
      rows.copyRow(1, 1);
      for (const place of [2, 3, 4, 5, 6]) await (place < 6 ? read([2, place], [1, 1 + place]) : read([2, place]));
      const own = rows.stateOfRow(0);
      await expectSameState(states[2] as S, own);
      await rows.loadRow(1, states[1] as S);
      const other = rows.stateOfRow(1);
      await expectSameState(states[1] as S, other);
      for (const row of [-1, BATCH, 0.5]) {
        await expect(rows.loadRow(row, start)).rejects.toThrow(`${where}: there is no such row`);
        expect(() => rows.stateOfRow(row)).toThrow(expect.objectContaining({ code: 'STATE' }));
        expect(() => rows.copyRow(0, row)).toThrow(expect.objectContaining({ code: 'STATE' }));
      }
      alone.dispose();
      rows.dispose();
      expect(() => rows.copyRow(0, 1)).toThrow('the decoder was disposed of');
      disposeTree([start, own, other, states]);
      expect(memory().numTensors).toBe(before);
      disposeTree([params, made.params]);
    },
  );

  it.each(['bf16', 'int8', 'int4'] as const)(`${where} with rounded weights is the model with those weights: %s`, async (weights) => {
    const made = make(cases.rounded);
    const { params, decoder } = await decoderOn(cases.rounded, weights);
    for (const [{ name }, leaf] of namedParams(model.spec(made.config), params) as Iterable<[{ name: string }, Tensor | PackedMatrix]>)
      if (isPacked(leaf)) expect(`${name} ${leaf.type}`).toBe(`${name} ${cases.fine.test(name) ? 'bf16' : weights}`);
    let got: ArrayLike<number> = [];
    for (let t = 0; t < LENGTH; t++) got = await decoder.step(columnOf(t));
    const rounded = (await unpacked(model.spec(made.config), params)) as P;
    await setBackend(ORACLE);
    const logits = model.forward(rounded, made.config, TOKENS);
    const all = await logits.data();
    const last = TOKENS.flatMap((_, row) => [...all.subarray(((row + 1) * LENGTH - 1) * VOCABULARY, (row + 1) * LENGTH * VOCABULARY)]);
    await expectClose('logits', last, got, 1e-3); // activations of 16 bits, through all layers
    decoder.dispose();
    disposeTree([logits, params, rounded, made.params]);
  });

  it.each(Object.entries(cases.fast))(
    `${where} ${isChoosing ? 'chooses tokens itself, with the bits of' : 'leaves the choice of'} token by token: %s`,
    async (_, json) => {
      const { params, decoder } = await decoderOn(json);
      if (!isChoosing) expect(decoder.chooser).toBeUndefined();
      else await expectSameRuns(decoder);
      decoder.dispose();
      disposeTree(params);
    },
  );

  describe(where, () => {
    it('leaves to advance what it has no fast form for', async () => {
      for (const json of Object.values(cases.slow)) expect(model.decoder?.(model.parseConfig(json), { batch: 1 })).toBeUndefined();
      await setBackend('cpu');
      expect(model.decoder?.(model.parseConfig(cases.rounded), { batch: 1 })).toBeUndefined();
    });

    it('refuses tokens, states, batches and params that do not fit', async () => {
      const made = make(cases.rounded);
      const params = await packed(made);
      const decoder = await decoderOf({ ...made, params }, 2);
      await expect(decoder.step([1, VOCABULARY])).rejects.toThrow(`${where}: these tokens cannot be read.
  expected  1 to 2 ids from 0 to 23, one for each text
  got       24`);
      for (const ids of [[], [1, 1, 1]]) await expect(decoder.step(ids)).rejects.toThrow(`got       ${ids.length} tokens`);
      const other = model.initialState(made.config, 3);
      await expect(decoder.load(other)).rejects.toThrow(expect.objectContaining({ code: 'STATE' }));
      await expect(decoder.loadRow(0, other)).rejects.toThrow(expect.objectContaining({ code: 'STATE' }));
      expect(() => model.decoder?.(made.config, { batch: 0 })).toThrow(`${where}: \`batch\` cannot be used`);
      await expect(decoderOf(made)).rejects.toThrow(`${where}: the params are not packed`);
      decoder.dispose();
      disposeTree([other, params, made.params]);
    });
  });
}

const GREEDY: ChoiceRules = {
  ...{ logitBias: new Map(), repetitionPenalty: 1, presencePenalty: 0, frequencyPenalty: 0 },
  ...{ temperature: 0, topK: 0, topP: 1, minP: 0 },
};

/** All that a decoder holds after a token. */
interface Held {
  ids: number[];
  logits: number[];
  state: string;
}

/** Runs from one state, and from a place inside the last run, against steps with the choice in between. */
async function expectSameRuns<S extends object>(decoder: Decoder<S>): Promise<void> {
  const chooser = decoder.chooser as TokenChooser;
  const run = (tokens: number) => chooser.run({ tokens, rules: GREEDY, histories: [], randoms: [], logits: true });
  const held = async (logits: ArrayLike<number>): Promise<Held> => {
    const state = decoder.state();
    const text = JSON.stringify(await Promise.all([...tensorsOf(state)].map(async ([, one]) => [...(await one.data())])));
    const numbers = JSON.stringify(mapTree(state, () => null));
    disposeTree(state);
    return { ids: largest(logits), logits: [...Array.from(logits)], state: text + numbers };
  };
  expect(await chooser.ready()).toBe(false);
  await expect(run(1)).rejects.toThrow(expect.objectContaining({ code: 'STATE' }));
  await decoder.step(columnOf(0));
  let logits = await decoder.step(columnOf(1));
  const start = decoder.state();
  const stepped = [await held(logits)];
  for (let t = 0; t < LENGTH; t++) {
    logits = await decoder.step((stepped[t] as Held).ids);
    stepped.push(await held(logits));
  }
  await decoder.load(start);
  disposeTree(start);
  expect(await chooser.ready()).toBe(false);
  logits = await decoder.step((stepped[0] as Held).ids);
  const first = await run(2);
  const second = await run(LENGTH - 3);
  expect([...first.ids, ...second.ids]).toEqual(stepped.slice(1, LENGTH).flatMap(({ ids }) => ids));
  expect(await held(await chooser.logits())).toEqual(stepped[LENGTH]);
  for (const place of [2, 0]) {
    chooser.rewind(place);
    expect(await held(await chooser.logits())).toEqual(stepped[3 + place]);
  }
  const again = await run(LENGTH - 3);
  expect(again.ids).toEqual(second.ids);
  expect([...(again.logits?.(LENGTH - 4) ?? [])]).toEqual(stepped[LENGTH]?.logits);
}

/** Of each text the token with the largest logit. */
const largest = (logits: ArrayLike<number>): number[] =>
  TOKENS.map((_, row) => {
    const own = Array.from({ length: VOCABULARY }, (_, id) => logits[row * VOCABULARY + id] as number);
    return own.indexOf(Math.max(...own));
  });

async function expectSameState(wanted: object, got: object): Promise<void> {
  const [want, own] = [[...tensorsOf(wanted)], [...tensorsOf(got)]];
  expect(own.map(([path]) => path)).toEqual(want.map(([path]) => path));
  for (const [i, [path, tensor]] of want.entries())
    if (tensor.size > 0) await expectClose(path.join('.'), tensor, (own[i] as (typeof own)[number])[1], 5e-5); // not normed, as logits are
  const numbers = (state: object) => JSON.stringify(mapTree(state, () => null));
  expect(numbers(got)).toBe(numbers(wanted));
}
