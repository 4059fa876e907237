import { disposeTree } from '@densessm/ssm-core';
import type { ModelBundle } from './bundle';
import type { GenerationPlan } from './options';
import { type Reading, readTokens } from './reading/read';
import { hostValues, joinRows, selectRows } from './reading/rows';
import { type Part, RowDecoder } from './row-decoder';
import { seededRandom } from './samplers/random';
import { TokenHistory } from './token-history';

/** A text of the batch. */
interface Lane {
  readonly row: number;
  readonly prompt: readonly number[];
  readonly decoder: RowDecoder;
}

/** Texts that go through the model together. */
interface Group extends Reading {
  readonly lanes: readonly Lane[];
}

export interface RowPart {
  readonly row: number;
  readonly part: Part;
}

/**
 * Continues several prompts. Prompts of one length are read together; then all whose states agree outside their tensors go on as
 * one batch: every text for a model whose state is tensors only, those of one length for one that counts positions.
 * Texts that have ended leave the batch.
 */
export async function* decodeRows(
  bundle: ModelBundle,
  prompts: readonly (readonly number[])[],
  plan: GenerationPlan,
  seed: number,
): AsyncGenerator<RowPart, void, undefined> {
  const lanes = prompts.map((prompt, row) => laneOf(bundle, prompt, row, plan, seed));
  const groups: Group[] = [];
  try {
    for (const alike of groupBy(lanes, ({ prompt }) => prompt.length)) {
      const read = await readUnlessAborted(bundle, alike, undefined, plan);
      if (!read) {
        yield* aborted(lanes);
        return;
      }
      groups.push(read);
    }
    joinGroups(groups);
    for (let group = groups.shift(); group; group = groups.shift()) yield* decodeGroup(bundle, group, plan);
  } finally {
    disposeTree(groups.map(({ state }) => state));
  }
}

function laneOf(bundle: ModelBundle, prompt: readonly number[], row: number, plan: GenerationPlan, seed: number): Lane {
  const history = new TokenHistory();
  history.give(prompt);
  return { row, prompt, decoder: new RowDecoder(plan, history, seededRandom(seed, row), bundle.tokenizer) };
}

/** Makes one group of those whose states can be one. */
function joinGroups(groups: Group[]): void {
  for (const alike of groupBy(groups.splice(0), ({ state }) => hostValues(state))) {
    const states = alike.map(({ state }) => state);
    groups.push({ lanes: alike.flatMap(({ lanes }) => lanes), state: joinRows(states), logits: alike.flatMap(({ logits }) => logits) });
    disposeTree(states);
  }
}

/** Takes the group over: its state is disposed of, however this ends. */
async function* decodeGroup(bundle: ModelBundle, first: Group, plan: GenerationPlan): AsyncGenerator<RowPart, void, undefined> {
  let group = first;
  try {
    for (;;) {
      if (plan.signal?.aborted) {
        yield* aborted(group.lanes);
        return;
      }
      const parts = group.lanes.map(({ decoder }, i) => decoder.next(group.logits[i] as Float32Array));
      for (const [i, part] of parts.entries()) yield { row: (group.lanes[i] as Lane).row, part };
      const going = parts.flatMap(({ finishReason }, i) => (finishReason === undefined ? [i] : []));
      if (going.length === 0) return;
      const lanes = going.map((i) => group.lanes[i] as Lane);
      const tokens = going.map((i) => (parts[i] as Part).token as number);
      const state = selectRows(group.state, going);
      disposeTree(group.state);
      group = { ...group, state, lanes };
      const next = await readUnlessAborted(bundle, lanes, { state, tokens }, plan);
      if (!next) {
        yield* aborted(lanes);
        return;
      }
      disposeTree(state);
      group = next;
    }
  } finally {
    disposeTree(group.state);
  }
}

/** Reads the prompts of the lanes, or one more token of each; undefined where the signal says stop. */
async function readUnlessAborted(
  bundle: ModelBundle,
  lanes: readonly Lane[],
  from: { state: unknown; tokens: readonly number[] } | undefined,
  plan: GenerationPlan,
): Promise<Group | undefined> {
  try {
    const rows = from ? from.tokens.map((token) => [token]) : lanes.map(({ prompt }) => prompt);
    return { lanes, ...(await readTokens(bundle, rows, from?.state, plan)) };
  } catch (error) {
    if (plan.signal?.aborted && error === plan.signal.reason) return undefined;
    throw error;
  }
}

function* aborted(lanes: readonly Lane[]): Generator<RowPart, void, undefined> {
  for (const { row, decoder } of lanes) yield { row, part: decoder.abort() };
}

function groupBy<T>(items: readonly T[], key: (item: T) => string | number): T[][] {
  const groups = new Map<string | number, T[]>();
  for (const item of items) groups.set(key(item), [...(groups.get(key(item)) ?? []), item]);
  return [...groups.values()];
}
