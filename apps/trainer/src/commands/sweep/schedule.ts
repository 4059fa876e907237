/** Several runs at a time, as many as jobs and memory allow. */
import type { RunPlan } from '../../view/run-view';

export interface Started {
  /** What it will take, as soon as that is known; undefined where it ended before. */
  readonly planned: Promise<RunPlan | undefined>;
  readonly ended: Promise<unknown>;
}

export interface ScheduleOptions<T> {
  /** Most runs at a time. */
  readonly jobs: number;
  /** No run is started once it is aborted; those that run are waited for. */
  readonly signal: AbortSignal;
  start(task: T): Promise<Started>;
  freeBytes(): number;
}

/**
 * Starts the tasks in their order and resolves when all have ended. The first is alone until it has said what it takes; from then on another
 * one starts where free memory holds what the largest so far takes, on top of those that have started and not yet taken theirs.
 */
export async function schedule<T>(tasks: readonly T[], { jobs, signal, start, freeBytes }: ScheduleOptions<T>): Promise<void> {
  const running = new Set<Promise<unknown>>();
  const starting = new Set<Promise<unknown>>();
  let largest = 0;
  const fits = (): boolean => (largest === 0 ? starting.size === 0 : freeBytes() >= largest * (1 + starting.size));
  const until = <P>(set: Set<Promise<unknown>>, promise: Promise<P>, then: (value: P) => void = () => undefined): void => {
    const done = promise.then(then).finally(() => set.delete(done));
    set.add(done);
  };
  for (const task of tasks) {
    while (running.size > 0 && (running.size >= jobs || !fits())) await Promise.race([...running, ...starting]);
    if (signal.aborted) break;
    const { planned, ended } = await start(task);
    until(running, ended);
    until(starting, planned, (plan) => {
      largest = Math.max(largest, plan?.bytes ?? 0);
    });
  }
  await Promise.all(running);
}
