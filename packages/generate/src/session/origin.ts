/** How to come to where a session is without a device: what a text is read again from where its device was lost. */
import { disposeTree } from '@densessm/ssm-core';
import { liesOnHost } from '@densessm/ssm-core/internal';
import type { ModelBundle } from '../bundle';
import { ModelRunner, type ModelRunnerOptions } from '../reading/model-runner';
import { type Contents, unpackContents } from './contents';

/** A snapshot, or the beginning of the text, and what was read since, as it was read: which bits come depends on that. */
export interface Origin {
  readonly snapshot?: Uint8Array;
  readonly reads: readonly (readonly number[])[];
}

/** Tokens after which reading them again costs more than keeping the state. */
const MOST_TOKENS = 4096;

export const BEGINNING: Origin = { reads: [] };

/** One read further. Tensors on the host are not lost, and need no origin. */
export const further = (origin: Origin, ids: readonly number[]): Origin =>
  liesOnHost() ? origin : { ...origin, reads: [...origin.reads, ids] };

export const isFar = ({ reads }: Origin): boolean => reads.length > 0 && reads.reduce((sum, ids) => sum + ids.length, 0) > MOST_TOKENS;

/** A model that has read all of it. */
export async function runnerAt(bundle: ModelBundle, { snapshot, reads }: Origin, options: ModelRunnerOptions): Promise<ModelRunner> {
  const state = snapshot && (await unpackContents(bundle, snapshot)).state;
  const runner = new ModelRunner(bundle, 1, options, state);
  try {
    for (const ids of reads) await runner.read([ids]);
    return runner;
  } catch (error) {
    runner.dispose();
    throw error;
  }
}

/** The same contents on another device. Takes them over. */
export async function movedContents(bundle: ModelBundle, contents: Contents, options: ModelRunnerOptions): Promise<Contents> {
  const runner = await runnerAt(bundle, contents.origin, options);
  disposeTree(contents.state);
  try {
    return { ...contents, state: runner.state() };
  } finally {
    runner.dispose();
  }
}
