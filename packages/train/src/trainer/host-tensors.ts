import { mapTree, SsmError } from '@densessm/ssm-core';
import { clone, keep, type Tensor, tensor } from '@tensorflow/tfjs-core';
import type { HostTensor } from './types';

type Pending = [name: string, shape: readonly number[], values: Promise<Float32Array | Int32Array>];

/**
 * Copies of tensors by name. Every copy is asked for before the first is waited for: what a step changes meanwhile is in none of them. Tensors that
 * a step frees meanwhile live until they are read.
 */
export function copyToHost(tensors: Iterable<readonly [string, Tensor]>): Promise<Map<string, HostTensor>> {
  const pending = [...tensors].map(([name, one]): Pending => [name, one.shape, read(one)]);
  const settle = async ([name, shape, values]: Pending) => [name, { shape, values: await values }] as const;
  return Promise.all(pending.map(settle)).then((entries) => new Map(entries));
}

function read(one: Tensor): Promise<Float32Array | Int32Array> {
  const kept = keep(clone(one));
  const values = kept.data() as Promise<Float32Array | Int32Array>;
  return values.then((all) => all.slice()).finally(() => kept.dispose());
}

/** A tensor of a copy. @throws SsmError STATE where there is none, or it has another shape. */
export function fromHost(tensors: ReadonlyMap<string, HostTensor>, name: string, shape?: readonly number[]): Tensor {
  const found = tensors.get(name);
  const fits = found !== undefined && (shape === undefined || shape.join() === found.shape.join());
  if (fits) return hostTensor(found);
  throw new SsmError({
    code: 'STATE',
    what: `Trainer.restore: \`${name}\` does not fit.`,
    expected: shape ? `[${shape.join(', ')}]` : 'a tensor of this name',
    got: found ? `[${found.shape.join(', ')}]` : 'no such tensor',
    fix: 'restore with the model, config and optimizer that the state was saved with',
  });
}

/** A tensor of a copy on the device. */
export const hostTensor = ({ shape, values }: HostTensor): Tensor =>
  tensor(values, [...shape], values instanceof Int32Array ? 'int32' : 'float32');

/** A name in the place of a tensor, in a tree that survives JSON. */
interface TensorName {
  readonly tensor: string;
}

/** A tree with names in place of its tensors. */
export const namesOf = (tree: unknown, prefix: string): unknown =>
  mapTree(tree, (_, path): TensorName => ({ tensor: [prefix, ...path].join('.') }));

/** The tree that {@link namesOf} was given, with tensors made by `make`. */
export function fromNames(tree: unknown, make: (name: string) => Tensor): unknown {
  if (Array.isArray(tree)) return tree.map((branch) => fromNames(branch, make));
  if (tree === null || typeof tree !== 'object') return tree;
  if ('tensor' in tree && typeof tree.tensor === 'string') return make(tree.tensor);
  return Object.fromEntries(Object.entries(tree).map(([key, branch]) => [key, fromNames(branch, make)]));
}
