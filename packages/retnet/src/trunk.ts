/**
 * What RetNet and DenseRetNet have in common: layers in a row, each of which reads k and v of some layers below.
 * Letters in shapes: B batch, T time, D hidden size.
 */
import { type DenseConfig, type DenseParams, denseConnect, denseSources } from '@densessm/dense-connect';
import { checkpointed, documentStartsTensor, type ForwardOptions, refuseDisposed, tidyTree } from '@densessm/ssm-core';
import type { Tensor1D, Tensor2D, Tensor3D, Tensor4D } from '@tensorflow/tfjs-core';
import { type Positions, positionsFrom, restartedAt, scaleTensor } from './positions';
import { type RetentionCall, type RetentionFn, retention } from './retention';
import { checkState, type RetentionState, type StateSizes } from './state';

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
  /** Another retention in the place of {@link retention}, with the same inputs and shapes: for studies and tests. It sees to `positions.documentStarts`. */
  retention?: RetentionFn;
}

/** What every config of the family says. */
export interface TrunkConfig extends StateSizes {
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly normEps: number;
  readonly dense: DenseConfig;
}

export interface TrunkParams<Layer> {
  embedTokens: Tensor2D;
  layers: Layer[];
  /** Before the head; none where norms come behind. */
  norm: Tensor1D | undefined;
}

/** What the layers of one call share, and its state after the last token but for what the layers give. */
export interface TrunkCall {
  call: RetentionCall;
  state: RetentionState | undefined;
  next: Omit<RetentionState, 'layers'>;
  recompute: boolean;
  onScan: ForwardOptions['onScan'];
}

/** Checks options and state, and prepares what all layers share, for tokens [B, T] or vectors in their place [B, T, D]. */
export function beginCall(
  where: string,
  config: TrunkConfig,
  tokens: Tensor2D | Tensor3D,
  options: RetNetOptions,
  state?: RetentionState,
): TrunkCall {
  const { retention: retain = retention, chunkSize, recompute = false, onScan } = options;
  const [batch, length] = tokens.shape;
  refuseDisposed(where, state, 'states');
  if (state) checkState(where, config, state, batch);
  const before = state?.position ?? 0;
  const documentStarts = documentStartsTensor(where, options, tokens);
  const begin = (positions: Positions, scale?: Tensor4D): TrunkCall => {
    const next = { position: before + length, ...(scale && { scale }) };
    return { call: { positions, retain, options: { chunkSize } }, state, next, recompute, onScan };
  };
  const positions = (options.positions as Positions | undefined) ?? positionsFrom(before, length, config);
  if (!documentStarts && !state?.scale) return begin(positions);
  const restarted = restartedAt(positions, documentStarts, state?.scale ?? scaleTensor(batch, config.numHeads, before));
  return begin(restarted.positions, restarted.scale);
}

/** Runs every layer on the output of the one below. */
export function runLayers<Layer>(
  layers: readonly Layer[],
  dense: DenseConfig,
  { call, state, recompute, onScan }: TrunkCall,
  x: Tensor3D,
  run: (layer: Layer, index: number, inputs: LayerInputs) => LayerOutputs,
): Pick<LayerOutputs, 'x' | 'state'>[] {
  const reads = layers.map((_, l) => denseSources(dense, l));
  const isRead = new Set(reads.flat());
  const outputs: (Omit<LayerOutputs, 'shown'> & { shown: Shown | undefined })[] = [];
  for (const [l, layer] of layers.entries()) {
    const step = (some: Omit<LayerInputs, 'call'> & { layer: Layer }, shared: Pick<LayerInputs, 'call'>) =>
      tidyTree(() => {
        const result = run(some.layer, l, { ...some, ...shared });
        return { ...result, shown: isRead.has(l) ? result.shown : undefined };
      });
    const sources = (reads[l] as number[]).map((source) => (outputs[source] as LayerOutputs).shown);
    const inputs = { layer, x: outputs.at(-1)?.x ?? x, sources, state: state?.layers[l]?.kv };
    const shared = { call: onScan ? { ...call, onScan: onScan.bind(undefined, l) } : call };
    outputs.push(recompute ? checkpointed(step, inputs, shared) : step(inputs, shared));
  }
  return outputs;
}

/** The state after a call. */
export const nextState = ({ next }: TrunkCall, outputs: readonly Pick<LayerOutputs, 'state'>[]): RetentionState => ({
  ...next,
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
