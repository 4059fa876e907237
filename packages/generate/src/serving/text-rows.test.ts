import { mamba } from '@densessm/mamba';
import { retnet } from '@densessm/retnet';
import { type AnyModel, type Decoder, disposeTree, SsmError } from '@densessm/ssm-core';
import { memory, type Variable, variable } from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import type { ModelBundle } from '../bundle';
import { toyBundle } from '../test-support/toy-model';
import { Scheduler } from './scheduler';
import { openRows, type TextRows } from './text-rows';

const MAMBA = { model_type: 'mamba', vocab_size: 29, hidden_size: 16, num_hidden_layers: 2, state_size: 4 };
const RETNET = {
  ...{ model_type: 'retnet', vocab_size: 29, decoder_embed_dim: 16, decoder_layers: 2 },
  ...{ decoder_retention_heads: 2, decoder_value_embed_dim: 32, decoder_ffn_embed_dim: 32 },
};

/** Of tensors, with a record of its decoders, none of which has room for more than `most` texts. */
function watched(model: AnyModel, json: object, most = 99) {
  const calls = { opened: [] as number[], open: 0, steps: [] as number[] };
  const decoder: AnyModel['decoder'] = (config, options) => async (params) => {
    if (options.batch > most) throw new SsmError({ code: 'BACKEND', what: 'full', expected: 'room', got: 'none', fix: 'fewer' });
    const made = (await model.decoder?.(config, options)?.(params)) as Decoder<unknown>;
    calls.opened.push(options.batch);
    calls.open++;
    const [step, dispose] = [made.step.bind(made), made.dispose.bind(made)];
    made.step = (ids) => {
      calls.steps.push(ids.length);
      return step(ids);
    };
    made.dispose = () => {
      calls.open--;
      dispose();
    };
    return made;
  };
  const config = model.parseConfig(json);
  const bundle: ModelBundle = { model: { ...model, decoder }, config, params: model.init(config, 3) };
  return { calls, bundle };
}

/** A state of one row after some tokens. */
function stateAfter({ model, params, config }: ModelBundle, tokens: readonly number[]): unknown {
  const start = model.initialState(config, 1);
  const [logits, state] = model.advance(params, config, [tokens], start);
  disposeTree([logits, start]);
  return state;
}

async function join(rows: TextRows, bundle: ModelBundle, tokens: readonly number[]): Promise<boolean> {
  const state = stateAfter(bundle, tokens);
  return rows.join(state).finally(() => disposeTree(state));
}

describe('rows of texts', () => {
  it('take a larger decoder when one is full, and a step costs what those cost that are there', async () => {
    const { calls, bundle } = watched(mamba, MAMBA);
    const before = memory().numTensors;
    const rows = await openRows(bundle, 5);
    for (const id of [1, 2, 3, 4, 5]) expect(await join(rows, bundle, [id])).toBe(true);
    expect(calls.opened).toEqual([1, 2, 4, 5]);
    expect(calls.open).toBe(1);
    expect(rows.admits(undefined)).toBe(false);
    calls.steps.length = 0;
    await rows.step([1, 1, 1, 1, 1]);
    rows.leave(0);
    await rows.step([1, 1, 1, 1]);
    rows.leave(3);
    rows.leave(0);
    await rows.step([1, 1]);
    expect(await join(rows, bundle, [7])).toBe(true);
    await rows.step([1, 1, 1]);
    expect(calls.steps).toEqual([5, 4, 2, 3]);
    expect(calls.opened.length).toBe(4);
    rows.dispose();
    expect(calls.open).toBe(0);
    expect(memory().numTensors).toBe(before);
    disposeTree(bundle.params);
  });

  it('say where there is no room for one more, and the scheduler makes other rows', async () => {
    const { calls, bundle } = watched(mamba, MAMBA, 2);
    const rows = await openRows(bundle, 8);
    expect([await join(rows, bundle, [1]), await join(rows, bundle, [2]), await join(rows, bundle, [3])]).toEqual([true, true, false]);
    expect([rows.count, rows.admits(undefined)]).toEqual([2, false]);
    expect((await rows.step([1, 2])).length).toBe(2);
    rows.dispose();
    const scheduler = new Scheduler(bundle, { slots: 5 });
    const texts = await Promise.all(
      [1, 2, 3, 4, 5].map(async (id) => {
        const tokens: (number | undefined)[] = [];
        for await (const event of scheduler.submit({ prompt: [id], options: { maxTokens: 5 } }))
          if (event.type === 'part') tokens.push(event.part.token);
        return tokens.length;
      }),
    );
    expect(texts).toEqual([5, 5, 5, 5, 5]);
    await scheduler.close();
    expect(calls.open).toBe(0);
    disposeTree(bundle.params);
  });

  it('of a model whose state counts positions take their steps together from wherever they are', async () => {
    const { calls, bundle } = watched(retnet, RETNET);
    const rows = await openRows(bundle, 8);
    for (const length of [1, 2, 3]) expect(rows.admits(undefined) && (await join(rows, bundle, Array(length).fill(5)))).toBe(true);
    const together = (await rows.step([1, 2, 3])).map((logits) => [...logits]);
    expect(calls.steps.at(-1)).toBe(3);
    for (const length of [1, 2, 3]) {
      const alone = await openRows(bundle, 1);
      await join(alone, bundle, Array(length).fill(5));
      expect([...((await alone.step([length]))[0] as Float32Array)]).toEqual(together[length - 1]);
      alone.dispose();
    }
    rows.leave(0);
    const [last, second] = [rows.stateOf(0), rows.stateOf(1)] as { position: number }[];
    expect([last?.position, second?.position]).toEqual([4, 3]);
    rows.dispose();
    disposeTree([last, second, bundle.params]);
  });

  it('without a decoder are in one state, where those agree in their positions', async () => {
    const bundle = toyBundle({ isPositional: true });
    const before = memory().numTensors;
    const rows = await openRows(bundle, 2);
    await join(rows, bundle, [1, 2]);
    const [same, other] = [stateAfter(bundle, [3, 4]), stateAfter(bundle, [3])];
    expect([rows.admits(same), rows.admits(other)]).toEqual([true, false]);
    await rows.join(same);
    expect(rows.admits(same)).toBe(false);
    expect((await rows.step([1, 1])).length).toBe(2);
    rows.leave(0);
    rows.leave(0);
    expect([rows.count, rows.admits(other)]).toEqual([0, true]);
    rows.dispose();
    disposeTree([same, other]);
    expect(memory().numTensors).toBe(before);
    disposeTree(bundle.params);
  });

  it('go on with the weights that training has put in the place of others', async () => {
    const { bundle } = watched(mamba, MAMBA);
    const { embeddings, ...rest } = bundle.params as { embeddings: Variable };
    const changing = variable(embeddings);
    const trained: ModelBundle = { ...bundle, params: { ...rest, embeddings: changing } };
    const rows = await openRows(trained, 4);
    await join(rows, trained, [1, 2]);
    await join(rows, trained, [3]);
    await rows.step([4, 5]);
    const states = [rows.stateOf(0), rows.stateOf(1)];
    const other = mamba.init(mamba.parseConfig(MAMBA), 9);
    changing.assign(other.embeddings as Variable);
    const got = (await rows.step([6, 7])).map((logits) => [...logits]);
    const anew = await openRows(trained, 4);
    for (const state of states) await anew.join(state);
    expect((await anew.step([6, 7])).map((logits) => [...logits])).toEqual(got);
    rows.dispose();
    anew.dispose();
    disposeTree([states, other, trained.params, embeddings]);
  });
});
