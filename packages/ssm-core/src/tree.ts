import { dispose, Tensor, type TensorContainer, tidy } from '@tensorflow/tfjs-core';
import { isPacked, type PackedMatrix } from './packed';

/**
 * A tree is tensors in nested records and arrays, among numbers, null and undefined: parameters, states, gradients and optimizer
 * moments all have this form. In parameters, packed matrices may stand for tensors. Where in it a tensor stands:
 */
export type TreePath = readonly (string | number)[];

/** Every tensor of a tree with its path, in the order of its keys. */
export function* tensorsOf(tree: unknown): Generator<[TreePath, Tensor]> {
  for (const [path, leaf] of leavesOfTree(tree)) if (leaf instanceof Tensor) yield [path, leaf];
}

function* leavesOfTree(tree: unknown, path: TreePath = []): Generator<[TreePath, Tensor | PackedMatrix]> {
  if (tree instanceof Tensor || isPacked(tree)) yield [path, tree];
  else if (tree !== null && typeof tree === 'object') {
    for (const [key, branch] of Object.entries(tree)) {
      yield* leavesOfTree(branch, [...path, Array.isArray(tree) ? Number(key) : key]);
    }
  }
}

/** A tree of the same form with every tensor replaced; packed matrices, numbers, null and undefined stay as they are. */
export function mapTree<T>(tree: T, replace: (tensor: Tensor, path: TreePath) => unknown, path: TreePath = []): T {
  if (tree instanceof Tensor) return replace(tree, path) as T;
  if (Array.isArray(tree)) return tree.map((branch, i) => mapTree(branch, replace, [...path, i])) as T;
  if (tree === null || typeof tree !== 'object' || isPacked(tree)) return tree;
  return Object.fromEntries(Object.entries(tree).map(([key, branch]) => [key, mapTree(branch, replace, [...path, key])])) as T;
}

/** Frees every tensor and every packed matrix of a tree. */
export function disposeTree(tree: unknown): void {
  const leaves = [...leavesOfTree(tree)].map(([, leaf]) => leaf);
  dispose(leaves.filter((leaf) => leaf instanceof Tensor));
  for (const leaf of leaves) if (isPacked(leaf)) leaf.dispose();
}

/** `tidy` for a function that returns a tree: everything it made is freed, save what the tree holds. */
export function tidyTree<T>(make: () => T): T {
  return tidy(make as () => TensorContainer) as T;
}
