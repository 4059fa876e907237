import { SsmError, tidyTree } from '@densessm/ssm-core';
import { fill, type Tensor4D } from '@tensorflow/tfjs-core';
import type { HeadSizes } from './head-sizes';

/** All that a RetNet keeps of a text; its size does not depend on how long that was. */
export interface RetentionState {
  /** Tokens read so far: the next one is rotated and scaled by its place. */
  position: number;
  /** S of each layer, [B, H, K, V], not divided by √scale. */
  layers: { kv: Tensor4D }[];
  /** Σ γ^j over each row's own text so far, [B, H, 1, 1]: only once `documentStarts` were given, as before then it follows from the position. */
  scale?: Tensor4D;
}

export interface StateSizes extends HeadSizes {
  readonly numHiddenLayers: number;
}

/** [B, H, K, V] */
export const stateShape = ({ numHeads, keyDim, valueDim }: HeadSizes, batch: number): [number, number, number, number] => [
  batch,
  numHeads,
  keyDim / numHeads,
  valueDim / numHeads,
];

/** S = 0 in every layer, before the first token, made on the device: `zeros` would bring it there. */
export const emptyState = (sizes: StateSizes, batch: number): RetentionState =>
  tidyTree(() => ({
    position: 0,
    layers: Array.from({ length: sizes.numHiddenLayers }, () => ({ kv: fill(stateShape(sizes, batch), 0) as Tensor4D })),
  }));

/** @throws SsmError STATE where the state is of another model or batch, or its position is no count of tokens. */
export function checkState(where: string, sizes: StateSizes, state: RetentionState, batch: number): void {
  const { position, layers } = state;
  if (!Number.isInteger(position) || position < 0) throw badState(where, 'a position of 0 or more tokens', `position ${position}`);
  if (layers.length !== sizes.numHiddenLayers) throw badState(where, `${sizes.numHiddenLayers} layers`, `${layers.length} layers`);
  const shape = stateShape(sizes, batch).join(', ');
  for (const [l, { kv }] of layers.entries()) {
    if (kv.shape.join(', ') !== shape) throw badState(where, `[${shape}] in every layer`, `[${kv.shape.join(', ')}] in layer ${l}`);
  }
  const scales = [batch, sizes.numHeads, 1, 1].join(', ');
  if (state.scale && state.scale.shape.join(', ') !== scales)
    throw badState(where, `scale [${scales}]`, `scale [${state.scale.shape.join(', ')}]`);
}

const badState = (where: string, expected: string, got: string): SsmError =>
  new SsmError({
    code: 'STATE',
    what: `${where}: the state does not belong to this model and batch.`,
    expected,
    got,
    fix: 'start from initialState(config, batch) and pass on the state that advance returned',
  });
