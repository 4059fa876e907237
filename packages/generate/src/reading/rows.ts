import { mapTree, tensorsOf, tidyTree } from '@densessm/ssm-core';
import { clone, concat, slice, type Tensor } from '@tensorflow/tfjs-core';

/**
 * What a state holds besides tensors, a position for example, as text: states that agree in it can be one state of several rows.
 * Every tensor of a state has the rows as its first axis.
 */
export const hostValues = (state: unknown): string => JSON.stringify(mapTree(state, () => null));

/** The state of some rows of a state, in the given order, which may name a row more than once. The given state stays valid. */
export function selectRows<State>(state: State, rows: readonly number[]): State {
  return tidyTree(() => mapTree(state, (tensor) => rowsOf(tensor, rows)));
}

function rowsOf(tensor: Tensor, rows: readonly number[]): Tensor {
  const [batch, ...sizes] = tensor.shape;
  const parts = runsOf(rows).map(([first, count]) =>
    count === batch ? clone(tensor) : slice(tensor, [first, ...sizes.map(() => 0)], [count, ...sizes]),
  );
  return parts.length === 1 ? (parts[0] as Tensor) : concat(parts, 0); // gather is slow on wasm
}

/** Rows that follow each other, as first and count: an operation of each is enough. */
function runsOf(rows: readonly number[]): [first: number, count: number][] {
  const runs: [number, number][] = [];
  for (const row of rows) {
    const last = runs.at(-1);
    if (last && last[0] + last[1] === row) last[1]++;
    else runs.push([row, 1]);
  }
  return runs;
}

/** One state of the rows of several, which agree in their {@link hostValues}. The given states stay valid. */
export function joinRows<State>(states: readonly State[]): State {
  const tensors = states.map((state) => [...tensorsOf(state)].map(([, tensor]) => tensor));
  let next = 0;
  const join = (): Tensor => {
    const place = next++;
    return concat(
      tensors.map((list) => list[place] as Tensor),
      0,
    );
  };
  return tidyTree(() => mapTree(states[0] as State, states.length === 1 ? (tensor) => clone(tensor) : join));
}

/** Another state with the same values, which may be disposed of by itself. Costs no copy. */
export const cloneState = <State>(state: State): State => mapTree(state, (tensor) => clone(tensor));

/** Bytes of the tensors of a tree. */
export function bytesOf(tree: unknown): number {
  let bytes = 0;
  for (const [, tensor] of tensorsOf(tree)) bytes += tensor.size * (tensor.dtype === 'bool' ? 1 : 4);
  return bytes;
}
