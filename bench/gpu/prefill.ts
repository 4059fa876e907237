import { Session } from '@densessm/generate';
import { withPrecision } from '@densessm/kernels/internal';
import { disposeTree } from '@densessm/ssm-core';
import type { Figure } from '../lib/measured';
import { finished } from './device';
import { denseRetNet350m, type Model, mamba130m, type Sizes, weightsOf } from './models';
import { shares } from './profile';

const ROUNDS = 7;
/** Prompts before those that are timed: the first compiles, the second and the third are recorded. */
const WARM_UP = 3;

/** Ways to read a prompt: by a session, whose pieces are replayed, in one piece and in four; and by the model alone, as the first prompts are read. */
const WAYS = { 'in one piece': 1, 'in four': 4, 'not replayed': 0 } as const;
type Way = keyof typeof WAYS;

/**
 * Reading a prompt of 2,048 tokens, up to the last token's logits. A figure: `ms` and `rate` of the fastest of seven, and `median`, in tokens/s; `hostMs` is what the process
 * computed meanwhile on the CPU, on all of its threads.
 */
export async function runPrefill(say: (line: string) => void, keep: (figure: Figure) => void, sizes: Sizes, only: RegExp): Promise<void> {
  const length = 2048 / sizes.shrink;
  for (const measured of [mamba130m(sizes), mamba130m(sizes, 1), denseRetNet350m(sizes)]) {
    const { name } = measured;
    if (!only.test(name)) continue;
    const params = await weightsOf(measured);
    for (const dtype of ['f32', 'f16'] as const)
      for (const way of Object.keys(WAYS) as Way[]) {
        const { ms, median, hostMs } = await timeOf(measured, params, { length, dtype, way });
        const rates = { rate: (1000 * length) / ms, median: (1000 * length) / median };
        keep({ part: 'prefill', name: way === 'in one piece' ? name : `${name}, ${way}`, dtype, length, ms, hostMs, ...rates });
        const fast = `${rates.rate.toFixed(0)} tokens/s, median ${rates.median.toFixed(0)}`;
        say(`${name} reads ${length} tokens ${way}, ${dtype}: ${fast}; ${ms.toFixed(1)} ms, host ${hostMs.toFixed(1)}`);
      }
    disposeTree(params);
  }
}

type Times = Record<'ms' | 'median' | 'hostMs', number>;

async function timeOf(
  { model, json }: Model,
  params: object,
  { length, dtype, way }: { length: number; dtype: 'f32' | 'f16'; way: Way },
): Promise<Times> {
  const config = model.parseConfig(json);
  const { vocabSize } = config as { vocabSize: number };
  const tokens = Array.from({ length }, (_, i) => (i * 7919) % vocabSize);
  // the model as a session calls it, with products of this type
  const rounded = { ...model, advance: ((...given) => withPrecision(dtype, () => model.advance(...given))) as typeof model.advance };
  const pieces = WAYS[way];
  const read = async (): Promise<void> => {
    if (pieces > 0) {
      const session = new Session({ model: rounded, config, params }, { promptChunk: length / pieces });
      await session.append(tokens);
      session.dispose();
      return;
    }
    const begin = model.initialState(config, 1);
    const [logits, state] = rounded.advance(params, config, [tokens], begin, { logits: 'last' });
    await logits.data();
    disposeTree([begin, logits, state]);
  };
  const [times, hostTimes]: [number[], number[]] = [[], []];
  for (let i = 0; i < ROUNDS + WARM_UP; i++) {
    const [start, used] = [performance.now(), process.cpuUsage()];
    await read();
    const { user, system } = process.cpuUsage(used);
    await finished();
    if (i < WARM_UP) continue;
    times.push(performance.now() - start);
    hostTimes.push((user + system) / 1000);
  }
  if (process.env.PROFILE && pieces === 0) await shares(read);
  times.sort((a, b) => a - b);
  return { ms: times[0] as number, median: times[ROUNDS >> 1] as number, hostMs: Math.min(...hostTimes) };
}
