import { namedParams, type SpecTree } from '@densessm/ssm-core';
import type { Tensor } from '@tensorflow/tfjs-core';
import type { Optimizer } from '../optimizers/optimizer';
import { copyCarried } from './carried';
import { copyToHost } from './host-tensors';
import { hashOfBits, type Peers, requireSameHash } from './peers';
import type { HostTensor, TrainingCounters, TrainingState } from './types';

/** Before the names of what the optimizer remembers. */
export const OPTIMIZER = 'optimizer.';

/** What a trainer holds between two steps. */
interface Held {
  readonly spec: SpecTree;
  readonly params: object;
  readonly optimizer: Optimizer;
  readonly outer: Iterable<readonly [string, HostTensor]>;
  readonly carried: readonly unknown[];
  readonly counted: Omit<TrainingCounters, 'optimizer' | 'carried'>;
}

/** All of it as plain data, every copy asked for before the first is waited for. @throws SsmError STATE where the peers have drifted apart */
export async function copyState({ spec, params, optimizer, outer, carried, counted }: Held, peers: Peers): Promise<TrainingState> {
  const { tensors, counters: steps } = optimizer.state();
  const counters = { ...counted, optimizer: { name: optimizer.name, steps: { ...steps } } };
  const remembered = Object.entries(tensors).map(([name, one]) => [`${OPTIMIZER}${name}`, one] as const);
  const before = [...outer];
  const [copies, others, states] = await Promise.all([
    copyToHost(byName(spec, params)),
    copyToHost(remembered),
    copyCarried(carried, peers),
  ]);
  if (peers.size > 1) await requireSameCopies(copies, peers, counters.steps);
  return {
    params: copies,
    tensors: new Map([...others, ...before, ...states.tensors]),
    counters: { ...counters, carried: states.trees },
  };
}

/** @throws SsmError STATE where the processes have other parameters than the first */
export async function requireSameParams(spec: SpecTree, params: object, peers: Peers, steps: number): Promise<void> {
  await requireSameCopies(await copyToHost(byName(spec, params)), peers, steps);
}

const requireSameCopies = (copies: ReadonlyMap<string, HostTensor>, peers: Peers, steps: number): Promise<void> =>
  requireSameHash(peers, hashOfBits([...copies.values()].map(({ values }) => values)), steps);

const byName = (spec: SpecTree, params: object): (readonly [string, Tensor])[] =>
  [...namedParams(spec, params)].map(([{ name }, one]) => [name, one] as const);
