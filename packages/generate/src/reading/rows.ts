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
  if (rows.length === batch && rows.every((row, i) => row === i)) return clone(tensor);
  const one = (row: number): Tensor => slice(tensor, [row, ...sizes.map(() => 0)], [1, ...sizes]);
  return rows.length === 1 ? one(rows[0] as number) : concat(rows.map(one), 0); // gather is slow on wasm
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
