import { disposeTree, type SequenceModel, tensorsOf, tidyTree } from '@densessm/ssm-core';
import { memory, setBackend, slice, type Tensor, type Tensor2D, tensor2d } from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { expectClose } from '../expect-close';
import { itTakesOptions } from './options';
import { itRunsOnPackedWeights } from './packed';
import { advanceInPieces, expectSameGradients, shaken, someTokens } from './parts';

export interface ModelCase {
  /** A config.json. */
  json: Record<string, unknown>;
  batch?: number;
  length?: number;
}

/** A busy machine takes longer than vitest's five seconds to differentiate a text token by token. */
const TIMEOUT_MS = 120_000;

/** Cuts of a text, as lengths of pieces. */
const CUTS: Readonly<Record<string, (length: number) => number[]>> = {
  'token by token': (length) => Array(length).fill(1),
  'as 1 + 5 + the rest': (length) => [1, 5, length - 6],
  'in one piece': (length) => [length],
};

/**
 * What every model owes its users: one function in three forms (outputs, states and gradients), causality to the last bit,
 * a state that does not grow, the options of a call, clear errors for bad tokens, and no tensor left behind.
 */
export function describeSequenceModel<C, P extends object, S extends object>(
  model: SequenceModel<C, P, S>,
  cases: Record<string, ModelCase>,
  { backend = 'wasm', tolerance = 1e-5 }: { backend?: string; tolerance?: number } = {},
): void {
  describe.each(Object.entries(cases))(`${model.modelType}: %s`, { timeout: TIMEOUT_MS }, (_, { json, batch = 2, length = 23 }) => {
    const start = async () => {
      await setBackend(backend);
      const config = model.parseConfig(json);
      const params = shaken(model.init(config, 5));
      return { config, params, tokens: someTokens(batch, length, json.vocab_size as number) };
    };

    it.each(Object.entries(CUTS))('reads a text %s as forward does, gradients included', async (_cut, cut) => {
      const { config, params, tokens } = await start();
      const inPieces = (current: P) => advanceInPieces(model, current, config, tokens, cut(length))[0];
      const whole = tidyTree(() => model.forward(params, config, tokens));
      const cutUp = tidyTree(() => inPieces(params));
      await expectClose('logits', whole, cutUp, 10 * tolerance); // the worst of some thousand values; a norm would be within 1e-5
      await expectSameGradients(params, whole, 10 * tolerance, (current) => model.forward(current, config, tokens), inPieces);
      disposeTree([params, tokens, whole, cutUp]);
    });

    it('comes to one state whatever the pieces, of one size whatever the length', async () => {
      const { config, params, tokens } = await start();
      const states = Object.values(CUTS).map((cut) => tidyTree(() => advanceInPieces(model, params, config, tokens, cut(length))[1]));
      const empty = model.initialState(config, batch);
      const shapes = (state: S) => [...tensorsOf(state)].map(([path, { shape }]) => `${path.join('.')} ${shape}`);
      for (const state of states) {
        expect(shapes(state)).toEqual(shapes(empty));
        const [want, got] = [[...tensorsOf(states[0])], [...tensorsOf(state)]];
        for (const [i, [path, reference]] of want.entries())
          await expectClose(path.join('.'), reference, (got[i] as [unknown, Tensor])[1], 10 * tolerance);
      }
      disposeTree([params, tokens, states, empty]);
    });

    it('never lets a later token change an earlier logit', async () => {
      const { config, params, tokens } = await start();
      const place = Math.floor(length / 2);
      const ids = [...(await tokens.data())];
      const changed = tensor2d(
        ids.map((id, i) => (i % length >= place ? (id + 1) % (json.vocab_size as number) : id)),
        [batch, length],
        'int32',
      );
      const prefix = async (some: Tensor2D) => {
        const part = tidyTree(() => slice(model.forward(params, config, some), [0, 0, 0], [batch, place, -1]));
        return [...(await part.data())];
      };
      expect(await prefix(changed)).toEqual(await prefix(tokens));
      disposeTree([params, tokens, changed]);
    });

    itTakesOptions(model, start, tolerance);
    if (backend === 'wasm') itRunsOnPackedWeights(model, start, tolerance);

    it('leaves no tensor behind and refuses bad tokens', async () => {
      const { config, params, tokens } = await start();
      const before = memory().numTensors;
      disposeTree(model.forward(params, config, tokens));
      disposeTree(model.hiddenStates(params, config, tokens));
      const state = model.initialState(config, batch);
      disposeTree([state, model.advance(params, config, tokens, state)]);
      expect(memory().numTensors).toBe(before);
      for (const bad of [[[json.vocab_size as number]], [[0.5]], [[]]]) {
        expect(() => model.forward(params, config, bad)).toThrow(expect.objectContaining({ code: 'TOKENS' }));
      }
      expect(() => model.advance(params, config, tokens, model.initialState(config, batch + 1))).toThrow(
        expect.objectContaining({ name: 'SsmError' }),
      );
      disposeTree([params, tokens]);
    });

    it('refuses params, states and tokens that were disposed of', async () => {
      const { config, params, tokens } = await start();
      const gone = expect.objectContaining({ name: 'SsmError', code: 'STATE' });
      const state = model.initialState(config, batch);
      disposeTree(state);
      expect(() => model.advance(params, config, tokens, state)).toThrow(gone);
      disposeTree(params);
      expect(() => model.forward(params, config, tokens)).toThrow(gone);
      expect(() => model.hiddenStates(params, config, tokens)).toThrow(gone);
      disposeTree(tokens);
      const fresh = model.init(config, 1);
      expect(() => model.forward(fresh, config, tokens)).toThrow(gone);
      disposeTree(fresh);
    });

    it('writes a config that reads back the same', () => {
      const config = model.parseConfig(json);
      expect(model.parseConfig(JSON.parse(JSON.stringify(model.configToJson(config))))).toEqual(config);
    });
  });
}
