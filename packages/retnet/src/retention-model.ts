import { type GatedLayer, layerGates } from '@densessm/dense-connect';
import { linear, rmsNorm } from '@densessm/kernels';
import {
  bindShapes,
  type ConfigJson,
  type HiddenStates,
  headInput,
  initParams,
  type LayerGate,
  type LayersOf,
  type LayersOptions,
  refuseDisposed,
  type SequenceModel,
  type SpecTree,
  type TokenIds,
  tidyTree,
  tokenTensor,
} from '@densessm/ssm-core';
import { type Tensor2D, type Tensor3D, tidy } from '@tensorflow/tfjs-core';
import { type DecoderFamily, retentionDecoder } from './decoder';
import { positionsFrom } from './positions';
import { emptyState, type RetentionState } from './state';
import {
  beginCall,
  type LayerInputs,
  type LayerOutputs,
  nextState,
  type RetNetOptions,
  runLayers,
  type TrunkCall,
  type TrunkConfig,
  type TrunkParams,
} from './trunk';

/** A model whose calls may put another retention in the place of ours, see {@link RetNetOptions}. */
export interface RetentionModel<C, P> extends SequenceModel<C, P, RetentionState> {
  forward(params: P, config: C, tokens: TokenIds, options?: RetNetOptions): Tensor3D;
  hiddenStates(params: P, config: C, tokens: TokenIds, options?: RetNetOptions): HiddenStates;
  gates(params: P, config: C, tokens: TokenIds, options?: RetNetOptions): LayerGate[];
  advance(params: P, config: C, tokens: TokenIds, state: RetentionState, options?: RetNetOptions): [Tensor3D, RetentionState];
  runLayers(layers: LayersOf<P>, config: C, x: Tensor3D, options?: LayersOptions): Tensor3D;
}

/** What makes a model of the trunk: a layer, its parameters and its config. */
export interface RetentionFamily<C extends TrunkConfig, P extends TrunkParams<unknown>> {
  /** Under which the model is exported; names it in errors. */
  name: string;
  modelType: string;
  recognizes(json: ConfigJson): boolean;
  parseConfig(json: unknown): C;
  configToJson(config: C): Record<string, unknown>;
  /** What a user should know of a config. */
  warnings(config: C): readonly string[];
  spec(config: C): SpecTree;
  /** [B, T] → [B, T, D]. */
  embed(params: P, config: C, ids: Tensor2D): Tensor3D;
  layer(params: P['layers'][number], config: C, index: number, inputs: LayerInputs): LayerOutputs;
  /** The weights of the head, [vocab, D]. */
  head(params: P): Tensor2D;
  /** The dense connections of a layer, and the input of their gates made from the output x of the layer below. */
  gatedLayer(params: P['layers'][number], config: C, x: Tensor3D): GatedLayer;
  decoder: DecoderFamily<P, C>;
}

/** A language model of retention layers: embedding, layers, norm where there is one, head. */
export function retentionModel<C extends TrunkConfig, P extends TrunkParams<unknown>>(family: RetentionFamily<C, P>): RetentionModel<C, P> {
  const { name, modelType, recognizes, parseConfig, configToJson, warnings, spec, head } = family;

  /** Everything a call computes; runs inside the caller's tidy. */
  function run(where: string, params: P, c: C, tokens: TokenIds, options: RetNetOptions, state?: RetentionState) {
    refuseDisposed(where, params, 'params');
    const ids = tokenTensor(where, tokens, c.vocabSize);
    const trunk = beginCall(where, c, ids, options, state);
    const embeddings = family.embed(params, c, ids);
    const outputs = runEach(family, params.layers, c, trunk, embeddings);
    const last = outputs.at(-1)?.x ?? embeddings;
    const final = params.norm ? rmsNorm({ x: last, weight: params.norm }, { eps: c.normEps }) : last;
    const read = headInput(where, final, options);
    const logits = options.logits === 'none' ? read : linear({ x: read, w: head(params) });
    return { embeddings, outputs, final, logits, trunk };
  }

  const hiddenStates: RetentionModel<C, P>['hiddenStates'] = (params, config, tokens, options = {}) =>
    tidyTree(() => {
      const { embeddings, outputs, final, logits } = run(`${name}.hiddenStates`, params, config, tokens, options);
      return { embeddings, layers: outputs.map(({ x }) => x), final, logits };
    });

  return {
    ...{ modelType, recognizes, parseConfig, configToJson, warnings, spec, head, hiddenStates, initialState: emptyState },
    logitsOf: (params, { normEps: eps }, x) =>
      tidy(() => linear({ x: params.norm ? rmsNorm({ x, weight: params.norm }, { eps }) : x, w: head(params) })),
    init: (config, seed) => initParams(spec(config), seed) as unknown as P,
    forward: (params, config, tokens, options = {}) => tidy(() => run(`${name}.forward`, params, config, tokens, options).logits),
    runLayers: (layers, config, x, options) => layersAlone(family, layers, config, x, options),
    gates: (params, config, tokens, options = {}) =>
      tidyTree(() => {
        const { embeddings, layers } = hiddenStates(params, config, tokens, { ...options, logits: 'last' });
        const read = (l: number): GatedLayer => family.gatedLayer(params.layers[l], config, layers[l - 1] ?? embeddings);
        return layerGates(config.dense, layers.length, read);
      }),
    advance: (params, config, tokens, state, options = {}) =>
      tidyTree(() => {
        const { outputs, logits, trunk } = run(`${name}.advance`, params, config, tokens, options, state);
        return [logits, nextState(trunk, outputs)];
      }),
    positions: (config, position, length) => positionsFrom(position, length, config),
    decoder: (config, options) => retentionDecoder(`${name}.decoder`, config, options, family.decoder, head),
  };
}

const runEach = <C extends TrunkConfig, P extends TrunkParams<unknown>>(
  { layer: run }: RetentionFamily<C, P>,
  layers: P['layers'],
  c: C,
  trunk: TrunkCall,
  x: Tensor3D,
): ReturnType<typeof runLayers> => runLayers(layers, c.dense, trunk, x, (layer, index, inputs) => run(layer, c, index, inputs));

/** [B, T, D] → [B, T, D]. */
function layersAlone<C extends TrunkConfig, P extends TrunkParams<unknown>>(
  family: RetentionFamily<C, P>,
  layers: P['layers'],
  c: C,
  x: Tensor3D,
  options: LayersOptions = {},
): Tensor3D {
  return tidy(() => {
    const where = `${family.name}.runLayers`;
    bindShapes(where, 'give vectors of the hidden size', { x: [x, ['B', 'T', c.hiddenSize]] });
    refuseDisposed(where, layers, 'params');
    return runEach(family, layers, c, beginCall(where, c, x, options), x).at(-1)?.x ?? x;
  });
}
