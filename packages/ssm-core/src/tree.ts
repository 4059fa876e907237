import { dispose, Tensor, type TensorContainer, tidy } from '@tensorflow/tfjs-core';

/**
 * A tree is tensors in nested records and arrays, among numbers, null and undefined: parameters, states, gradients and optimiser
 * moments all have this form. Where in it a tensor stands:
 */
export type TreePath = readonly (string | number)[];

/** Every tensor of a tree with its path, in the order of its keys. */
export function* tensorsOf(tree: unknown, path: TreePath = []): Generator<[TreePath, Tensor]> {
  if (tree instanceof Tensor) yield [path, tree];
  else if (tree !== null && typeof tree === 'object') {
    for (const [key, branch] of Object.entries(tree)) {
      yield* tensorsOf(branch, [...path, Array.isArray(tree) ? Number(key) : key]);
    }
  }
}

/** A tree of the same form with every tensor replaced; numbers, null and undefined stay as they are. */
export function mapTree<T>(tree: T, replace: (tensor: Tensor, path: TreePath) => unknown, path: TreePath = []): T {
  if (tree instanceof Tensor) return replace(tree, path) as T;
  if (Array.isArray(tree)) return tree.map((branch, i) => mapTree(branch, replace, [...path, i])) as T;
  if (tree === null || typeof tree !== 'object') return tree;
  return Object.fromEntries(Object.entries(tree).map(([key, branch]) => [key, mapTree(branch, replace, [...path, key])])) as T;
}

/** Frees every tensor of a tree. */
export function disposeTree(tree: unknown): void {
  dispose([...tensorsOf(tree)].map(([, tensor]) => tensor));
}

/** `tidy` for a function that returns a tree: everything it made is freed, save what the tree holds. */
export function tidyTree<T>(make: () => T): T {
  return tidy(make as () => TensorContainer) as T;
}
