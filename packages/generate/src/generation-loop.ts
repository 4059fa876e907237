import { disposeTree } from '@densessm/ssm-core';
import { bundleAfter, bundleNow, type ModelBundle } from './bundle';
import type { GenerationPlan } from './options';
import { type Logits, ModelRunner } from './reading/model-runner';
import { hostValues, joinRows } from './reading/rows';
import { seededRandom } from './samplers/random';
import { type Part, TextGenerator } from './text-generator';
import { TokenHistory } from './token-history';

/** A text of the batch. */
interface Lane {
  readonly row: number;
  readonly prompt: readonly number[];
  readonly generator: TextGenerator;
}

/** Texts that go through the model together. */
interface Group {
  lanes: readonly Lane[];
  readonly runner: ModelRunner;
  /** What the model expects next. */
  logits: Logits;
}

export interface RowPart {
  readonly row: number;
  readonly part: Part;
}

/**
 * Continues several prompts. Prompts of one length are read together; then all whose states agree outside their tensors go on as
 * one batch: every text for a model whose state is tensors only, those of one length for one that counts positions.
 * Texts that have ended leave the batch. Where the device was lost, all is computed again on another, and what was handed out is not handed out twice.
 */
export async function* decodeRows(
  given: ModelBundle,
  prompts: readonly (readonly number[])[],
  plan: GenerationPlan,
  seed: number,
): AsyncGenerator<RowPart, void, undefined> {
  let bundle = bundleNow(given);
  let handedOut = 0;
  for (;;) {
    try {
      let i = 0;
      for await (const part of decodeOnDevice(bundle, prompts, plan, seed)) {
        if (i++ < handedOut) continue;
        handedOut++;
        yield part;
      }
      return;
    } catch (error) {
      bundle = await bundleAfter(error, bundle);
    }
  }
}

/** The same without another device. */
async function* decodeOnDevice(
  bundle: ModelBundle,
  prompts: readonly (readonly number[])[],
  plan: GenerationPlan,
  seed: number,
): AsyncGenerator<RowPart, void, undefined> {
  const lanes = prompts.map((prompt, row) => laneOf(bundle, prompt, row, plan, seed));
  const groups: Group[] = [];
  try {
    for (const alike of groupBy(lanes, ({ prompt }) => prompt.length)) {
      const group: Group = { lanes: alike, runner: new ModelRunner(bundle, alike.length, plan), logits: [] };
      groups.push(group);
      const isRead = await readUnlessAborted(
        group,
        alike.map(({ prompt }) => prompt),
        plan,
      );
      if (!isRead) {
        yield* aborted(lanes);
        return;
      }
    }
    joinGroups(bundle, groups, plan);
    for (const group of groups) yield* decodeGroup(group, plan);
  } finally {
    for (const { runner } of groups) runner.dispose();
  }
}

function laneOf(bundle: ModelBundle, prompt: readonly number[], row: number, plan: GenerationPlan, seed: number): Lane {
  const history = new TokenHistory();
  history.give(prompt);
  return { row, prompt, generator: new TextGenerator(plan, history, seededRandom(seed, row), bundle.tokenizer) };
}

/** Makes one group of those whose states can be one. */
function joinGroups(bundle: ModelBundle, groups: Group[], plan: GenerationPlan): void {
  if (groups.length === 1) return;
  const apart = [...groups];
  const states = new Map(apart.map((group) => [group, group.runner.state()]));
  try {
    for (const alike of groupBy(apart, (group) => hostValues(states.get(group)))) {
      const lanes = alike.flatMap((group) => group.lanes);
      const runner = new ModelRunner(bundle, lanes.length, plan, joinRows(alike.map((group) => states.get(group))));
      groups.push({ lanes, runner, logits: alike.flatMap(({ logits }) => logits) });
    }
  } finally {
    disposeTree([...states.values()]);
  }
  for (const { runner } of groups.splice(0, apart.length)) runner.dispose();
}

/** Takes the group over: its runner is disposed of, however this ends. */
async function* decodeGroup(group: Group, plan: GenerationPlan): AsyncGenerator<RowPart, void, undefined> {
  const { runner } = group;
  try {
    for (;;) {
      if (plan.signal?.aborted) {
        yield* aborted(group.lanes);
        return;
      }
      const parts = group.lanes.map(({ generator }, i) => generator.next(group.logits[i] as Float32Array));
      for (const [i, part] of parts.entries()) yield { row: (group.lanes[i] as Lane).row, part };
      const going = parts.flatMap(({ finishReason }, i) => (finishReason === undefined ? [i] : []));
      if (going.length === 0) return;
      group.lanes = going.map((i) => group.lanes[i] as Lane);
      runner.select(going);
      const tokens = going.map((i) => [(parts[i] as Part).token as number]);
      if (!(await readUnlessAborted(group, tokens, plan))) {
        yield* aborted(group.lanes);
        return;
      }
    }
  } finally {
    runner.dispose();
  }
}

/** Whether the group read on; not where the signal says stop. */
async function readUnlessAborted(group: Group, rows: readonly (readonly number[])[], { signal }: GenerationPlan): Promise<boolean> {
  try {
    group.logits = await group.runner.read(rows, signal);
    return true;
  } catch (error) {
    if (signal?.aborted && error === signal.reason) return false;
    throw error;
  }
}

function* aborted(lanes: readonly Lane[]): Generator<RowPart, void, undefined> {
  for (const { row, generator } of lanes) yield { row, part: generator.abort() };
}

function groupBy<T>(items: readonly T[], key: (item: T) => string | number): T[][] {
  const groups = new Map<string | number, T[]>();
  for (const item of items) groups.set(key(item), [...(groups.get(key(item)) ?? []), item]);
  return [...groups.values()];
}
