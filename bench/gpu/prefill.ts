import { withPrecision } from '@densessm/kernels/internal';
import { disposeTree } from '@densessm/ssm-core';
import type { Figure } from '../lib/measured';
import { finished } from './device';
import { denseRetNet350m, mamba130m, type Sizes, weightsOf } from './models';

const ROUNDS = 7;

/** Reading a prompt of 2,048 tokens at once, up to the last token's logits. A figure: `ms` and `rate` of the fastest of seven, and `median`, in tokens/s. */
export async function runPrefill(say: (line: string) => void, keep: (figure: Figure) => void, sizes: Sizes, only: RegExp): Promise<void> {
  const length = 2048 / sizes.shrink;
  for (const measured of [mamba130m(sizes), mamba130m(sizes, 1), denseRetNet350m(sizes)]) {
    const { name, model, json } = measured;
    if (!only.test(name)) continue;
    const params = await weightsOf(measured);
    const config = model.parseConfig(json);
    const { vocabSize } = config as { vocabSize: number };
    const tokens = [Array.from({ length }, (_, i) => (i * 7919) % vocabSize)];
    for (const dtype of ['f32', 'f16'] as const) {
      const times: number[] = [];
      for (let i = 0; i < ROUNDS + 2; i++) {
        const start = performance.now();
        const begin = model.initialState(config, 1);
        const [logits, state] = withPrecision(dtype, () => model.advance(params, config, tokens, begin, { logits: 'last' }));
        await logits.data();
        await finished();
        disposeTree([begin, logits, state]);
        if (i >= 2) times.push(performance.now() - start);
      }
      times.sort((a, b) => a - b);
      const [ms = 0, middle = 0] = [times[0], times[ROUNDS >> 1]];
      const [rate, median] = [(1000 * length) / ms, (1000 * length) / middle];
      keep({ part: 'prefill', name, dtype, length, ms, rate, median });
      say(`${name} reads ${length} tokens, ${dtype}: ${rate.toFixed(0)} tokens/s, median ${median.toFixed(0)}; ${ms.toFixed(1)} ms`);
    }
    disposeTree(params);
  }
}
