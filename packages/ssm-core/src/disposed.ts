import { Tensor } from '@tensorflow/tfjs-core';
import { SsmError } from './errors';
import { isPacked } from './packed';

/**
 * Refuses a tree with a tensor that was freed, which tfjs would meet later and without a name. Packed matrices refuse by themselves.
 * @param what names the tree in the error, in the plural
 * @throws SsmError STATE
 */
export function refuseDisposed(where: string, tree: unknown, what: string): void {
  if (tree instanceof Tensor) {
    if (tree.isDisposed) throw disposed(where, what);
  } else if (tree !== null && typeof tree === 'object' && !isPacked(tree)) {
    for (const branch of Object.values(tree)) refuseDisposed(where, branch, what);
  }
}

const disposed = (where: string, what: string): SsmError =>
  new SsmError({
    code: 'STATE',
    what: `${where}: the ${what} were disposed of.`,
    expected: `${what} with their tensors`,
    got: 'freed ones',
    fix: 'dispose after the last use, or make or load them again',
  });
