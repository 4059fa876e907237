import { disposeTree } from '@densessm/ssm-core';
import { bundleAfter, bundleNow, type ModelBundle } from './bundle';
import type { GenerationPlan } from './options';
import { type Logits, ModelRunner } from './reading/model-runner';
import { hostValues, joinRows } from './reading/rows';
import { RunLength, readAhead } from './reading/run-length';
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
  /** What the model expects next; undefined where the runner is asked for it. */
  logits: Logits | undefined;
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
      groups.push({ lanes, runner, logits: alike.flatMap(({ logits }) => logits ?? []) });
    }
  } finally {
    disposeTree([...states.values()]);
  }
  for (const { runner } of groups.splice(0, apart.length)) runner.dispose();
}

/** Takes the group over: its runner is disposed of, however this ends. */
async function* decodeGroup(group: Group, plan: GenerationPlan): AsyncGenerator<RowPart, void, undefined> {
  const { runner } = group;
  const length = new RunLength();
  try {
    while (group.lanes.length > 0) {
      const generators = group.lanes.map(({ generator }) => generator);
      const isAhead = await unlessAborted(plan, () => readAhead(runner, generators, plan, { length, signal: plan.signal }));
      if (isAhead === undefined) {
        yield* aborted(group.lanes);
        return;
      }
      yield* isAhead ? takeAhead(group, plan, length) : chooseOnHost(group, plan, length);
    }
  } finally {
    runner.dispose();
  }
}

/** Hands out tokens that the decoder chose; one that it could not choose is the host's. The texts that go on are left. */
async function* takeAhead(group: Group, plan: GenerationPlan, length: RunLength): AsyncGenerator<RowPart, void, undefined> {
  const { runner, lanes } = group;
  let going = lanes.map((_, i) => i);
  group.logits = undefined;
  while (runner.chosen && going.length > 0 && !plan.signal?.aborted) {
    const { ids } = runner.chosen;
    if (going.some((i) => (ids[i] as number) < 0)) break;
    runner.take();
    const parts = going.map((i) => (lanes[i] as Lane).generator.take(ids[i] as number));
    for (const [at, part] of parts.entries()) yield { row: (lanes[going[at] as number] as Lane).row, part };
    going = going.filter((_, at) => parts[at]?.finishReason === undefined);
  }
  const isChosen = runner.chosen === undefined;
  group.lanes = going.map((i) => lanes[i] as Lane);
  if (going.length === 0 || plan.signal?.aborted || (isChosen && going.length === lanes.length)) return;
  const logits = await runner.logits();
  group.logits = going.map((i) => logits[i] as Float32Array);
  runner.select(going);
  if (!isChosen) yield* chooseOnHost(group, plan, length);
}

/** Chooses a token for each text and has it read. The texts that go on are left. */
async function* chooseOnHost(group: Group, plan: GenerationPlan, length: RunLength): AsyncGenerator<RowPart, void, undefined> {
  const { runner, lanes } = group;
  const logits = group.logits ?? (await runner.logits());
  const parts = lanes.map(({ generator }, i) => generator.next(logits[i] as Float32Array));
  for (const [i, part] of parts.entries()) yield { row: (lanes[i] as Lane).row, part };
  const going = parts.flatMap(({ finishReason }, i) => (finishReason === undefined ? [i] : []));
  group.lanes = going.map((i) => lanes[i] as Lane);
  if (going.length === 0) return;
  runner.select(going);
  const tokens = going.map((i) => [(parts[i] as Part).token as number]);
  if (!(await readUnlessAborted(group, tokens, plan))) {
    yield* aborted(group.lanes);
    group.lanes = [];
  }
  length.tokens ||= 1;
}

/** Whether the group read on; not where the signal says stop. */
async function readUnlessAborted(group: Group, rows: readonly (readonly number[])[], plan: GenerationPlan): Promise<boolean> {
  const logits = await unlessAborted(plan, () => group.runner.read(rows, plan.signal));
  group.logits = logits ?? group.logits;
  return logits !== undefined;
}

/** Undefined where the signal says stop. */
async function unlessAborted<T>({ signal }: GenerationPlan, run: () => Promise<T>): Promise<T | undefined> {
  if (signal?.aborted) return undefined;
  try {
    return await run();
  } catch (error) {
    if (signal?.aborted && error === signal.reason) return undefined;
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
