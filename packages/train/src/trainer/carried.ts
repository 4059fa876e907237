/** Carried states as plain data. In a save they are numbered through all peers: micro-batch `part` of peer `rank` is `part · size + rank`. */
import { SsmError, tensorsOf } from '@densessm/ssm-core';
import type { Tensor } from '@tensorflow/tfjs-core';
import { copyToHost, fromNames, namesOf } from './host-tensors';
import type { Peers } from './peers';
import type { HostTensor } from './types';

const CARRIED = 'carried';

export interface CarriedStates {
  /** The states, with names in place of tensors. */
  readonly trees: unknown[];
  readonly tensors: ReadonlyMap<string, HostTensor>;
}

/** Copies the states of all peers; each asks for its own before it waits. */
export async function copyCarried(states: readonly unknown[], peers: Peers): Promise<CarriedStates> {
  const own = states.map((state) => [...tensorsOf(state)].map(([path, one]) => [path.join('.'), one] as const));
  const copies = await Promise.all(own.map((named) => copyToHost(named)));
  const trees: unknown[] = [];
  const tensors = new Map<string, HostTensor>();
  for (const [part, copy] of copies.entries())
    for (let rank = 0; rank < peers.size; rank++) {
      const prefix = `${CARRIED}.${part * peers.size + rank}`;
      trees.push(namesOf(states[part], prefix));
      for (const [path, { shape, values }] of copy) {
        const its = rank === peers.rank ? values : values.slice();
        await peers.broadcast(new Uint8Array(its.buffer, its.byteOffset, its.byteLength), rank);
        tensors.set(`${prefix}.${path}`, { shape, values: its });
      }
    }
  return { trees, tensors };
}

/**
 * The states of the micro-batches of one peer, out of those of all. Where the rows of a step are now cut into more or fewer micro-batches,
 * so are the states: every tensor of a state has a row for each text.
 * @throws SsmError STATE where the rows cannot be cut like that
 */
export function ownCarried(
  { trees, tensors }: CarriedStates,
  parts: number,
  { rank, size }: Peers,
  make: (one: HostTensor) => Tensor,
): unknown[] {
  if (trees.length === 0) return [];
  const wanted = parts * size;
  return Array.from({ length: parts }, (_, part) => {
    const index = part * size + rank;
    const tree = trees[trees.length === wanted ? index : 0];
    return fromNames(tree, (name) =>
      make(trees.length === wanted ? named(tensors, name) : rowsOf(tensors, name, trees.length, wanted, index)),
    );
  });
}

/** Rows of part `index` of `wanted`, where the rows of all lie in `parts` tensors whose names differ in their number. */
function rowsOf(tensors: CarriedStates['tensors'], name: string, parts: number, wanted: number, index: number): HostTensor {
  const all = Array.from({ length: parts }, (_, part) => named(tensors, name.replace(/^carried\.\d+/, `${CARRIED}.${part}`)));
  const [first] = all as [HostTensor];
  const [rows = 0, ...rest] = first.shape;
  const width = rest.reduce((product, one) => product * one, 1);
  const count = (rows * parts) / wanted;
  if (!Number.isInteger(count)) throw uneven(rows * parts, wanted);
  const values = first.values.slice(0, 0).constructor === Int32Array ? new Int32Array(count * width) : new Float32Array(count * width);
  for (let row = 0; row < count; row++) {
    const place = index * count + row;
    const from = all[Math.floor(place / rows)] as HostTensor;
    values.set(from.values.subarray((place % rows) * width, ((place % rows) + 1) * width), row * width);
  }
  return { shape: [count, ...rest], values };
}

function named(tensors: CarriedStates['tensors'], name: string): HostTensor {
  const found = tensors.get(name);
  if (found !== undefined) return found;
  throw new SsmError({
    code: 'STATE',
    what: `Trainer.restore: \`${name}\` does not fit.`,
    expected: 'a tensor of this name',
    got: 'no such tensor',
    fix: 'restore with the model, config and optimizer that the state was saved with',
  });
}

const uneven = (rows: number, parts: number): SsmError =>
  new SsmError({
    code: 'STATE',
    what: 'Trainer.restore: the carried states cannot be divided like that.',
    expected: `a number of micro-batches that divides the ${rows} texts of a step`,
    got: `${parts}`,
    fix: 'choose batch size, gradientAccumulationSteps and number of processes so that a step has as many texts as before',
  });
