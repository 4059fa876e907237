import { seededRandom } from '@densessm/generate';
import type { Random } from '../../../apps/trainer/src/test-support/damage';

/** Damages one thing of a kind and reads it; rejects where that ends otherwise than well or with an error of ours. */
export type Attempt = (random: Random) => Promise<void> | void;

export interface Target {
  /** Attempts by the name of what is damaged. `folder` is empty, and the target's own. */
  attempts(folder: string): Promise<Readonly<Record<string, Attempt>>>;
}

/** Reading such a small thing takes milliseconds; of the processor's time, so that a busy machine takes no more. */
const MOST_MS = 2000;
const OURS = ['SsmError', 'TokenizerError'];

/** `work` may fail with an error of ours alone. */
export async function readOrRefused(work: () => unknown): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof Error && OURS.includes(error.name))) throw error;
  }
}

/**
 * So many attempts at everything that a target has; returns their names.
 * @throws Error that names what was damaged, seed and round, with what happened as its cause
 */
export async function fuzzTarget(target: Target, folder: string, rounds: number, seed: number): Promise<string[]> {
  const attempts = await target.attempts(folder);
  for (const [name, attempt] of Object.entries(attempts)) {
    for (let round = 0; round < rounds; round++) {
      const random = seededRandom(seed, round);
      const started = process.cpuUsage();
      const failed = (cause: unknown): Error => new Error(`${name}, seed ${seed}, round ${round}`, { cause });
      await Promise.resolve(attempt(() => random.next())).catch((cause: unknown) => Promise.reject(failed(cause)));
      const { user, system } = process.cpuUsage(started);
      const took = (user + system) / 1000;
      if (took > MOST_MS) throw failed(new Error(`it took ${Math.round(took)} ms of the processor`));
    }
  }
  return Object.keys(attempts);
}
