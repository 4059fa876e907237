import { type Tensor, zeros } from '@tensorflow/tfjs-core';

/** By these keys the parameters of a connection are known in the tree of a model. */
const CONNECTION = ['fc1', 'fc2', 'fc', 'proj', 'concat', 'query', 'key'] as const;

/**
 * Parameters of a model with every dense gate closed: SiLU(0) = 0, so that no layer reads another. The last matrices of the gates are zeros, all else is
 * the given tensors. Connections without gates stay open. Makes tensors: call it inside a tidy.
 */
export function closedGates<P>(params: P): P {
  if (typeof params !== 'object' || params === null || 'dtype' in params || 'dispose' in params) return params;
  if (Array.isArray(params)) return params.map(closedGates) as P;
  const tree = params as Readonly<Record<string, unknown>>;
  const isConnection = CONNECTION.every((key) => key in tree);
  const close = ([key, one]: [string, unknown]): [string, unknown] => [
    key,
    isConnection && (key === 'fc2' || key === 'fc') && one ? zeros((one as Tensor).shape) : closedGates(one),
  ];
  return Object.fromEntries(Object.entries(tree).map(close)) as P;
}
