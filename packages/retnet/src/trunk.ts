/**
 * What RetNet and DenseRetNet have in common: layers in a row, each of which reads k and v of some layers below.
 * Letters in shapes: B batch, T time, D hidden size.
 */
import { type DenseConfig, type DenseParams, denseConnect, denseSources } from '@densessm/dense-connect';
import { type ForwardOptions, type TokenIds, tokenTensor } from '@densessm/ssm-core';
import type { Tensor2D, Tensor3D, Tensor4D } from '@tensorflow/tfjs-core';
import { type HeadSizes, positionsFrom } from './positions';
import { type RetentionCall, type RetentionFn, retention } from './retention';
import type { RetentionState } from './state';

/** What a layer shows to those above it: k and v before their own fusion, and the input that gates and queries read. */
export interface Shown {
  readonly k: Tensor3D;
  readonly v: Tensor3D;
  readonly x: Tensor3D;
}

export interface LayerInputs {
  /** Output of the layer below, [B, T, D]. */
  x: Tensor3D;
  /** Of the layers that `denseSources` names, oldest first. */
  sources: readonly Shown[];
  /** [B, H, K, V] */
  state: Tensor4D | undefined;
  call: RetentionCall;
}

export interface LayerOutputs {
  x: Tensor3D;
  shown: Shown;
  state: Tensor4D;
}

export interface RetNetOptions extends ForwardOptions {
  /** Another retention in the place of {@link retention}, with the same inputs and shapes: for studies and tests. */
  retention?: RetentionFn;
}

interface TrunkConfig extends HeadSizes {
  readonly vocabSize: number;
  readonly dense: DenseConfig;
}

/** Checks the tokens and prepares what all layers share. */
export function beginCall(
  where: string,
  config: TrunkConfig,
  tokens: TokenIds,
  { retention: retain = retention, chunkSize }: RetNetOptions,
  position = 0,
): { ids: Tensor2D; call: RetentionCall } {
  const ids = tokenTensor(where, tokens, config.vocabSize);
  return { ids, call: { positions: positionsFrom(position, ids.shape[1], config), retain, options: { chunkSize } } };
}

/** Runs every layer on the output of the one below. */
export function runLayers<Layer>(
  layers: readonly Layer[],
  dense: DenseConfig,
  { x, call, state }: { x: Tensor3D; call: RetentionCall; state: RetentionState | undefined },
  run: (layer: Layer, index: number, inputs: LayerInputs) => LayerOutputs,
): LayerOutputs[] {
  const outputs: LayerOutputs[] = [];
  for (const [l, layer] of layers.entries()) {
    const sources = denseSources(dense, l).map((source) => (outputs[source] as LayerOutputs).shown);
    outputs.push(run(layer, l, { x: outputs.at(-1)?.x ?? x, sources, state: state?.layers[l]?.kv, call }));
  }
  return outputs;
}

/** The state after a call of `length` tokens. */
export const nextState = (position: number, length: number, outputs: readonly LayerOutputs[]): RetentionState => ({
  position: position + length,
  layers: outputs.map(({ state }) => ({ kv: state })),
});

/** k or v of a layer, fused with those of the layers it reads: arXiv:2403.00818, section 3.2. */
export function fuse(
  what: 'k' | 'v',
  params: DenseParams | undefined,
  dense: DenseConfig,
  own: Shown,
  sources: readonly Shown[],
): Tensor3D {
  if (params === undefined || sources.length === 0) return own[what];
  return denseConnect(params, dense, {
    own: own[what],
    sources: sources.map((source) => source[what]),
    x: own.x,
    sourceInputs: sources.map((source) => source.x),
  });
}
