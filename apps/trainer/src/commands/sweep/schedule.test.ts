import { expect, it } from 'vitest';
import type { RunPlan } from '../../view/run-view';
import { schedule } from './schedule';

const plan = (bytes: number): RunPlan => ({ maxSteps: 1, steps: 1, seconds: 1, bytes });

/** Tasks that say what they take when `plan` is called, and end when `end` is. */
function tasks(jobs: number, freeBytes: () => number = () => Number.POSITIVE_INFINITY) {
  const started: number[] = [];
  const plans = new Map<number, (plan?: RunPlan) => void>();
  const ends = new Map<number, () => void>();
  const controller = new AbortController();
  const start = async (task: number) => {
    started.push(task);
    const ended = new Promise<void>((resolve) => ends.set(task, resolve));
    return { planned: new Promise<RunPlan | undefined>((resolve) => plans.set(task, resolve)), ended };
  };
  const done = schedule([1, 2, 3, 4], { jobs, signal: controller.signal, start, freeBytes });
  const settle = () => new Promise((resolve) => setTimeout(resolve, 1));
  return {
    ...{ started, done, settle, abort: () => controller.abort() },
    plan: async (task: number, bytes?: number) => {
      plans.get(task)?.(bytes === undefined ? undefined : plan(bytes));
      await settle();
    },
    end: async (task: number) => {
      ends.get(task)?.();
      await settle();
    },
  };
}

it('lets the first run alone until it says what it takes, then starts as many as there are jobs', async () => {
  const { started, done, settle, plan, end } = tasks(2);
  await settle();
  expect(started).toEqual([1]);
  await plan(1, 10);
  expect(started).toEqual([1, 2]);
  await end(1);
  expect(started).toEqual([1, 2, 3]);
  await end(3);
  await end(2);
  await end(4);
  await done;
  expect(started).toEqual([1, 2, 3, 4]);
});

it('waits where memory does not hold another one, and counts those that have not taken theirs yet', async () => {
  let free = 15;
  const { started, plan, end } = tasks(4, () => free);
  await plan(1, 10);
  expect(started).toEqual([1, 2]); // a third would have to share 15 with the second, which has not taken its own
  await plan(2, 30);
  expect(started).toEqual([1, 2]);
  free = 40;
  await end(1);
  expect(started).toEqual([1, 2, 3]);
});

it('always has one running, goes on after one that failed before its plan, and starts none once it is interrupted', async () => {
  const { started, done, settle, plan, end, abort } = tasks(4, () => 0);
  await settle();
  await plan(1);
  await end(1);
  expect(started).toEqual([1, 2]);
  await plan(2, 10);
  expect(started).toEqual([1, 2]);
  abort();
  await end(2);
  await done;
  expect(started).toEqual([1, 2]);
});
