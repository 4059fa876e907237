import { layerGates } from '@densessm/dense-connect';
import { linear, rmsNorm } from '@densessm/kernels';
import {
  bindShapes,
  type ConfigJson,
  documentStartsTensor,
  type ForwardOptions,
  type HiddenStates,
  initParams,
  type LayerGate,
  type LayersOf,
  type LayersOptions,
  refuseDisposed,
  type SequenceModel,
  type SpecTree,
  type TokenIds,
  tidyTree,
} from '@densessm/ssm-core';
import { type Tensor, type Tensor3D, tidy } from '@tensorflow/tfjs-core';
import { type BackboneParams, type BackboneState, checkState, emptyState, headOf, type Mixer, runBackbone, runLayers } from './backbone';
import type { BackboneConfig } from './backbone-config';
import { backboneDecoder, type DecoderFamily } from './decoder';
import type { ConnectionsParams } from './dense';

/** What makes a model of the backbone: a mixer, its parameters and its config. */
export interface BackboneFamily<C extends BackboneConfig, M extends { dense: ConnectionsParams }, Shown, Ssm extends Tensor> {
  /** Under which the model is exported; names it in errors. */
  name: string;
  modelType: string;
  recognizes(json: ConfigJson): boolean;
  parseConfig(json: unknown): C;
  configToJson(config: C): Record<string, unknown>;
  /** What a user should know of a config. */
  warnings(config: C): readonly string[];
  spec(config: C): SpecTree;
  mixer: Mixer<M, C, Shown, Ssm>;
  decoder: DecoderFamily<M, C>;
}

/** A model whose layers run without the rest, see {@link SequenceModel.runLayers}. */
export interface BackboneModel<C, P, State> extends SequenceModel<C, P, State> {
  runLayers(layers: LayersOf<P>, config: C, x: Tensor3D, options?: LayersOptions): Tensor3D;
}

/** A language model of one mixer: embedding, layers x + mixer(norm(x)), norm, head; dense where its config says so. */
export function backboneModel<C extends BackboneConfig, M extends { dense: ConnectionsParams }, Shown, Ssm extends Tensor>(
  family: BackboneFamily<C, M, Shown, Ssm>,
): BackboneModel<C, BackboneParams<M>, BackboneState<Ssm>> {
  type P = BackboneParams<M>;
  const { name, modelType, recognizes, parseConfig, configToJson, warnings, spec, mixer } = family;
  const { shapes } = family.decoder;

  function hiddenStates(params: P, config: C, tokens: TokenIds, options?: ForwardOptions): HiddenStates {
    return tidyTree(() => {
      const { state: _, ...states } = runBackbone(params, config, mixer, { where: `${name}.hiddenStates`, tokens, options });
      return states;
    });
  }

  return {
    ...{ modelType, recognizes, parseConfig, configToJson, warnings, spec, head: headOf, hiddenStates },
    init: (config, seed) => initParams(spec(config), seed) as unknown as P,
    forward: (params, config, tokens, options) =>
      tidy(() => runBackbone(params, config, mixer, { where: `${name}.forward`, tokens, options, logitsOnly: true }).logits),
    runLayers: (layers, config, x, options = {}) =>
      tidy(() => {
        const where = `${name}.runLayers`;
        bindShapes(where, 'give vectors of the hidden size', { x: [x, ['B', 'T', config.hiddenSize]] });
        refuseDisposed(where, layers, 'params');
        const outputs = runLayers(layers, config, mixer, { x, documentStarts: documentStartsTensor(where, options, x), options });
        return outputs.at(-1)?.x ?? x;
      }),
    gates: (params, config, tokens, options) =>
      tidyTree(() => gatesOf(params, config, hiddenStates(params, config, tokens, { ...options, logits: 'last' }))),
    logitsOf: (params, { layerNormEpsilon: eps }, hidden) =>
      tidy(() => linear({ x: rmsNorm({ x: hidden, weight: params.normF }, { eps }), w: headOf(params) })),
    initialState: (config, batch) => emptyState(config.numHiddenLayers, shapes(config, batch)),
    advance: (params, config, tokens, state, options) =>
      tidyTree(() => {
        const where = `${name}.advance`;
        checkState(where, state, config.numHiddenLayers, (batch) => shapes(config, batch), tokens);
        const { logits, state: next } = runBackbone(params, config, mixer, { where, tokens, options, state, logitsOnly: true });
        return [logits, next];
      }),
    decoder: (config, options) => backboneDecoder(`${name}.decoder`, config, options, family.decoder),
  };
}

function gatesOf(
  params: BackboneParams<{ dense: ConnectionsParams }>,
  { dense, layerNormEpsilon: eps }: BackboneConfig,
  { embeddings, layers }: HiddenStates,
): LayerGate[] {
  if (dense === undefined) return [];
  return layerGates(dense, layers.length, (l) => {
    const { norm, mixer } = params.layers[l] as (typeof params.layers)[number];
    return { connections: mixer.dense, x: rmsNorm({ x: layers[l - 1] ?? embeddings, weight: norm }, { eps }) };
  });
}
