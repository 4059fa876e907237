import {
  type DenseRetNetConfig,
  type DenseRetNetParams,
  denseRetNet,
  type RetNetConfig,
  type RetNetParams,
  retnet,
} from '@densessm/retnet';
import { argsFromJson, denseOnDisk, fieldsOnDisk, type LayerArgs, type SequenceLayerArgs } from './args';
import { type LayerFamily, type OfModel, SequenceLayer, weightsOf } from './sequence-layer';

export interface RetentionLayerArgs extends SequenceLayerArgs {
  /** Heads, each with a decay of its own; the input's width is a multiple of twice as many. Default 1. */
  numHeads?: number;
  /** Width of all values together. Default twice the input's width. */
  valueDim?: number;
  /** Width inside the feed-forward part. Default twice the input's width. */
  feedForwardSize?: number;
}

const RETENTION_OWN = {
  decoderRetentionHeads: 'numHeads',
  decoderValueEmbedDim: 'valueDim',
  decoderFfnEmbedDim: 'feedForwardSize',
};

const retentionFamily: LayerFamily<RetNetConfig, RetNetParams, RetentionLayerArgs> = {
  layer: 'RetentionLayer',
  args: Object.values(RETENTION_OWN),
  modelOf: () => retnet,
  json: ({ depth = 1, dense, numHeads = 1, valueDim, feedForwardSize, config = {} }, hiddenSize) => ({
    ...fieldsOnDisk(config),
    ...denseOnDisk('RetentionLayer', dense, hiddenSize),
    ...{ model_type: 'retnet', vocab_size: 1, decoder_embed_dim: hiddenSize, decoder_layers: depth, decoder_retention_heads: numHeads },
    ...{ decoder_value_embed_dim: valueDim ?? 2 * hiddenSize, decoder_ffn_embed_dim: feedForwardSize ?? 2 * hiddenSize },
  }),
  unread: ({ rest }) => rest,
};

/**
 * Blocks of RetNet (Sun et al. 2023, arXiv:2307.08621), retention and feed-forward, each added to what it read, as a layer of TensorFlow.js:
 * [batch, time, D] → [batch, time, D]; with `dense` they read keys and values of earlier ones. Causal; any length.
 */
export class RetentionLayer extends SequenceLayer<RetNetConfig, RetNetParams, RetentionLayerArgs> {
  static className = 'RetentionLayer';

  /**
   * A layer of a model's sizes that starts from its weights, which it reads when it is first applied.
   * @throws SsmError OPTION
   */
  static from({ config, params }: OfModel<RetNetConfig, RetNetParams>, args: LayerArgs = {}): RetentionLayer {
    const none = { ...config.dense, denseLayers: 0 };
    const json = retnet.configToJson({ ...config, dense: none, rest: {} });
    const dense = config.dense.denseLayers > 0 ? config.dense : undefined;
    const sizes = { ...argsFromJson(json, RETENTION_OWN), depth: config.numHiddenLayers, dense };
    return new RetentionLayer({ ...args, ...sizes, weights: weightsOf(retnet, { config, params }) });
  }

  /** @throws SsmError OPTION */
  constructor(args?: RetentionLayerArgs) {
    super(retentionFamily, args);
  }
}

export interface DenseRetentionLayerArgs extends SequenceLayerArgs {
  /** Heads, each with a decay of its own. Default 1. */
  numHeads?: number;
  /** Width of all keys together, a multiple of twice the heads. Default half the input's width. */
  keyDim?: number;
  /** Width of all values together, a multiple of the heads. Default twice the input's width. */
  valueDim?: number;
}

const DENSE_OWN = { numAttentionHeads: 'numHeads', queryKeyDim: 'keyDim', valueDim: 'valueDim' };

const denseRetentionFamily: LayerFamily<DenseRetNetConfig, DenseRetNetParams, DenseRetentionLayerArgs> = {
  layer: 'DenseRetentionLayer',
  args: Object.values(DENSE_OWN),
  modelOf: () => denseRetNet,
  json: ({ depth = 1, dense = { denseLayers: 2 }, numHeads = 1, keyDim, valueDim, config = {} }, hiddenSize) => ({
    ...fieldsOnDisk(config),
    ...denseOnDisk('DenseRetentionLayer', dense, hiddenSize),
    ...{ vocab_size: 1, hidden_size: hiddenSize, num_hidden_layers: depth, num_attention_heads: numHeads },
    ...{ query_key_dim: keyDim ?? hiddenSize / 2, v_factor: (valueDim ?? 2 * hiddenSize) / hiddenSize },
  }),
  unread: ({ rest }) => rest,
};

/**
 * Blocks of DenseRetNet as released (DenseSSM, arXiv:2403.00818, section 3.3), gated retention that reads keys and values of earlier blocks, as a
 * layer of TensorFlow.js: [batch, time, D] → [batch, time, D]. Causal; any length.
 */
export class DenseRetentionLayer extends SequenceLayer<DenseRetNetConfig, DenseRetNetParams, DenseRetentionLayerArgs> {
  static className = 'DenseRetentionLayer';

  /**
   * A layer of a model's sizes that starts from its weights, which it reads when it is first applied.
   * @throws SsmError OPTION
   */
  static from({ config, params }: OfModel<DenseRetNetConfig, DenseRetNetParams>, args: LayerArgs = {}): DenseRetentionLayer {
    const json = {
      ...denseRetNet.configToJson({ ...config, padTokenId: undefined, rest: {} }),
      v_factor: null,
      value_dim: config.valueDim,
    };
    const sizes = { ...argsFromJson(json, DENSE_OWN), depth: config.numHiddenLayers, dense: config.dense };
    return new DenseRetentionLayer({ ...args, ...sizes, weights: weightsOf(denseRetNet, { config, params }) });
  }

  /** @throws SsmError OPTION */
  constructor(args?: DenseRetentionLayerArgs) {
    super(denseRetentionFamily, args);
  }
}
