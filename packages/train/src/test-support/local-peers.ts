import type { Peers } from '../trainer/peers';

interface Meeting {
  readonly arrived: (Float32Array | Float64Array | Uint8Array)[];
  left: number;
  readonly done: (() => void)[];
}

/** Peers that are trainers in this process, instead of processes: each call waits until all have made it. */
export function localPeers(size: number): Peers[] {
  const meetings: Meeting[] = [];
  const meet = (
    rank: number,
    call: number,
    values: Meeting['arrived'][number],
    combine: (all: Meeting['arrived']) => void,
  ): Promise<void> => {
    meetings[call] ??= { arrived: new Array(size), left: size, done: [] };
    const meeting = meetings[call] as Meeting;
    meeting.arrived[rank] = values;
    return new Promise((resolve) => {
      meeting.done.push(resolve);
      if (--meeting.left > 0) return;
      combine(meeting.arrived);
      for (const one of meeting.done) one();
    });
  };
  return Array.from({ length: size }, (_, rank): Peers => {
    let calls = 0;
    return {
      rank,
      size,
      allReduce: (values, operation = 'sum') => meet(rank, calls++, values, (all) => reduce(all as Float64Array[], operation)),
      broadcast: (bytes, root) => meet(rank, calls++, bytes, (all) => fill(all, all[root] as Uint8Array)),
    };
  });
}

function reduce(all: readonly Float64Array[], operation: 'sum' | 'max'): void {
  const [first] = all as [Float64Array];
  const result = first.map((_, i) =>
    operation === 'sum' ? all.reduce((sum, one) => sum + (one[i] as number), 0) : Math.max(...all.map((one) => one[i] as number)),
  );
  for (const one of all) one.set(result);
}

function fill(all: Meeting['arrived'], from: Uint8Array): void {
  for (const one of all) one.set(from);
}
