/** What Bench has measured and compared, in whatever room it ended. */
import type { KernelReport } from 'densessm/web';
import { engine } from '../../state/engine.svelte';
import { isAbort, type Trouble, troubleOf } from '../../state/troubles';
import { beginWork } from '../../state/work';
import { type Measured, measure } from './measure';

let reports = $state.raw<readonly KernelReport[]>([]);
let speeds = $state.raw<readonly Measured[]>([]);
let doing = $state<string | undefined>();
let trouble = $state.raw<Trouble | undefined>();
let stopper: AbortController | undefined;

const stop = (): void => stopper?.abort();

async function run(label: string, task: (signal: AbortSignal) => Promise<void>): Promise<void> {
  if (doing) return;
  stopper = new AbortController();
  const { signal } = stopper;
  const done = beginWork(stop);
  [doing, trouble] = [label, undefined];
  try {
    await engine.start();
    await task(signal).catch(async (error: unknown) => {
      if (!(await engine.overcome(error))) throw error;
      await task(signal);
    });
  } catch (error) {
    if (!isAbort(error)) trouble = troubleOf(error);
  } finally {
    done();
    doing = undefined;
  }
}

export const benching = {
  get reports(): readonly KernelReport[] {
    return reports;
  },
  get speeds(): readonly Measured[] {
    return speeds;
  },
  get doing(): string | undefined {
    return doing;
  },
  get trouble(): Trouble | undefined {
    return trouble;
  },
  check: (): Promise<void> =>
    run('Comparing kernels with their references', async (signal) => {
      reports = [];
      await engine.client.checkKernels({ signal, onReport: (report) => (reports = [...reports, report]) });
    }),
  time: (): Promise<void> =>
    run('Measuring', async (signal) => {
      speeds = [];
      await measure(signal, (one) => (speeds = [...speeds, one]));
    }),
  stop,
};
