import { packParams } from '@densessm/kernels';
import { mamba } from '@densessm/mamba';
import { startBackend } from '@densessm/runtime-node';
import { type ChoiceRules, type Decoder, disposeTree, SsmError } from '@densessm/ssm-core';
import { describe, expect, it } from 'vitest';
import { randomFrom, seededRandom } from '../packages/generate/src/samplers/random';
import { sampleToken } from '../packages/generate/src/samplers/sample-token';
import { TokenHistory } from '../packages/generate/src/token-history';

const missing = await startBackend({ device: 'webgpu' }).then(
  () => undefined,
  (error: unknown) => {
    if (process.env.CI || !(error instanceof SsmError)) throw error;
    return `${error.message}\nTests of WebGPU need a GPU, or SwiftShader: apt-get install chromium`;
  },
);
if (missing) process.stderr.write(`tests/webgpu-choice.test.ts is skipped. ${missing}\n`);

const none = { logitBias: new Map<number, number>(), repetitionPenalty: 1, presencePenalty: 0, frequencyPenalty: 0, noRepeatNgram: 0 };
const greedy = { ...none, temperature: 0, topK: 0, topP: 1, minP: 0 };
const drawn = { ...greedy, temperature: 1 };
const penalties = { repetitionPenalty: 1.3, presencePenalty: 0.5, frequencyPenalty: 0.25 };
const RULES: Record<string, ChoiceRules & { noRepeatNgram: number }> = {
  greedy,
  'greedy with penalties': { ...greedy, ...penalties },
  'the model’s own distribution': drawn,
  'a low temperature': { ...drawn, temperature: 0.3 },
  'a high temperature': { ...drawn, temperature: 5 },
  'top-k': { ...drawn, temperature: 2, topK: 17 },
  'top-k of one': { ...drawn, topK: 1 },
  'top-k of more than there are': { ...drawn, topK: 1e6 },
  'top-p': { ...drawn, temperature: 2, topP: 0.7 },
  'a small top-p': { ...drawn, topP: 1e-6 },
  'min-p': { ...drawn, temperature: 3, minP: 0.2 },
  'min-p of 1': { ...drawn, minP: 1 },
  'all cuts': { ...drawn, temperature: 3, topK: 900, topP: 0.95, minP: 0.001 },
  'all cuts, penalties and a bias': {
    ...{ ...drawn, ...penalties, temperature: 3, topK: 100, topP: 0.8, minP: 0.01 },
    logitBias: new Map([
      [5, 3],
      [900, 4],
      [7, -Infinity],
    ]),
  },
};

describe.skipIf(missing)('choices on WebGPU', () => {
  it.each(Object.entries(RULES))('are those of the host: %s', async (_, rules) => {
    const [batch, tokens, window] = [3, 16, 9];
    const { decoder, dispose } = await open(1000, batch);
    const chooser = decoder.chooser;
    if (!chooser) throw new Error('no chooser');
    expect(await chooser.ready()).toBe(false);
    const histories = [0, 1, 2].map((row) => {
      const history = new TokenHistory(window);
      history.give([5, 6, 7, row + 30]);
      return history;
    });
    const randoms = [0, 1, 2].map((row) => seededRandom(11, row));
    let before = (await decoder.step([30, 31, 32])).slice();
    for (let run = 0; run < 2; run++) {
      const { ids, logits } = await chooser.run({
        ...{ tokens, rules, logits: true },
        histories: histories.map((history) => history.lookBack()),
        randoms: randoms.map((random) => {
          const own = randomFrom(random.state());
          return Array.from({ length: tokens }, () => own.next());
        }),
      });
      for (let t = 0; t < tokens; t++) {
        for (let row = 0; row < batch; row++) {
          const id = sampleToken(
            before.subarray(row * 1000, (row + 1) * 1000),
            histories[row] as TokenHistory,
            rules,
            randoms[row] as ReturnType<typeof randomFrom>,
          );
          expect(`${run} ${t} ${row} ${ids[t * batch + row]}`).toBe(`${run} ${t} ${row} ${id}`);
          histories[row]?.draw(id);
        }
        if (!logits) throw new Error('no logits');
        before = logits(t).slice();
      }
    }
    dispose();
  });
});

async function open(vocab: number, batch: number): Promise<{ decoder: Decoder<unknown>; dispose(): void }> {
  await startBackend({ device: 'webgpu' });
  const config = mamba.parseConfig({
    ...{
      model_type: 'mamba',
      vocab_size: vocab,
      hidden_size: 10,
      num_hidden_layers: 1,
      initializer_range: 0.3,
      state_size: 5,
      time_step_rank: 3,
    },
  });
  const params = mamba.init(config, 3);
  const packed = await packParams(mamba.spec(config), params, { weights: 'f32' });
  const decoder = (await mamba.decoder?.(config, { batch })?.(packed)) as Decoder<unknown>;
  return {
    decoder,
    dispose: () => {
      decoder.dispose();
      disposeTree([params, packed]);
    },
  };
}
