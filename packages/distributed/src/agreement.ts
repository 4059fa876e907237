import type { Communicator } from './communicator';

type Group = Pick<Communicator, 'rank' | 'size' | 'allReduce' | 'broadcast'>;

/** Whether every rank has the same number; each learns the answer. */
export async function isSameEverywhere(group: Pick<Communicator, 'allReduce'>, value: number): Promise<boolean> {
  const ends = Float64Array.of(value, -value);
  await group.allReduce(ends, 'max');
  return ends[0] === -(ends[1] ?? 0);
}

/** What `root` says, as JSON carries it; the others pass nothing. */
export async function tell<T>(group: Group, value: T | undefined, root = 0): Promise<T> {
  const own = group.rank === root ? new TextEncoder().encode(JSON.stringify(value ?? null)) : new Uint8Array();
  const length = Float64Array.of(own.length);
  await group.allReduce(length, 'max');
  const bytes = group.rank === root ? own : new Uint8Array(length[0] ?? 0);
  await group.broadcast(bytes, root);
  return JSON.parse(new TextDecoder().decode(bytes)) as T;
}
