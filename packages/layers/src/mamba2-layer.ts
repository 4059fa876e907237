import { denseMamba2, type Mamba2Config, type Mamba2Params, type MambaConnections, mamba2 } from '@densessm/mamba';
import { argsFromJson, denseOnDisk, fieldsOnDisk, type LayerArgs, optionError, type SequenceLayerArgs } from './args';
import { type LayerFamily, type OfModel, SequenceLayer, weightsOf } from './sequence-layer';

export interface Mamba2LayerArgs extends SequenceLayerArgs {
  dense?: Partial<MambaConnections> & Pick<MambaConnections, 'denseLayers'>;
  /** N, numbers of state per channel. Default 128. */
  stateSize?: number;
  /** Channels inside a block are so many times those of its input. Default 2. */
  expand?: number;
  /** Width of the convolution in time. Default 4. */
  convKernel?: number;
  /** P, channels per head; a divisor of the channels. Default 64. */
  headDim?: number;
  /** Groups of heads that share B and C. Default 1. */
  nGroups?: number;
}

const OWN = { stateSize: 'stateSize', expand: 'expand', convKernel: 'convKernel', headDim: 'headDim', nGroups: 'nGroups' };
/** It limits nothing, and a saved model can hold it. */
const FLOAT32_MAX = 3.4028234663852886e38;

const family: LayerFamily<Mamba2Config, Mamba2Params, Mamba2LayerArgs> = {
  layer: 'Mamba2Layer',
  args: Object.values(OWN),
  modelOf: ({ dense }) => (dense ? denseMamba2 : mamba2),
  json: ({ depth = 1, dense, stateSize, expand = 2, convKernel, headDim = 64, nGroups = 1, config = {} }, hiddenSize) => ({
    ...fieldsOnDisk({ ...config, stateSize, expand, convKernel, headDim, nGroups }),
    ...denseOnDisk('Mamba2Layer', dense, hiddenSize),
    ...{ model_type: dense ? 'dense_mamba2' : 'mamba2', vocab_size: 1, hidden_size: hiddenSize, num_hidden_layers: depth },
    num_heads: Math.max(1, Math.floor((expand * hiddenSize) / headDim)),
  }),
  unread: ({ rest }) => rest,
};

/**
 * Blocks of Mamba-2 (Dao and Gu 2024, arXiv:2405.21060), x + mixer(norm(x)), as a layer of TensorFlow.js: [batch, time, D] → [batch, time, D]; with
 * `dense` those of DenseMamba-2. Causal; any length.
 */
export class Mamba2Layer extends SequenceLayer<Mamba2Config, Mamba2Params, Mamba2LayerArgs> {
  static className = 'Mamba2Layer';

  /**
   * A layer of a model's sizes that starts from its weights, which it reads when it is first applied.
   * @throws SsmError OPTION
   */
  static from({ config, params }: OfModel<Mamba2Config, Mamba2Params>, args: LayerArgs = {}): Mamba2Layer {
    if (config.normBeforeGate)
      throw optionError(
        'Mamba2Layer.from: the gated norm stands before its gate.',
        'norm(y silu(z))',
        'norm(y) silu(z)',
        'use the model itself',
      );
    const normPerGroup = config.normPerGroup ?? config.layout !== 'transformers';
    const json = mamba2.configToJson({ ...config, dense: undefined, layout: 'transformers', normPerGroup, rest: {} });
    const [low, high] = config.timeStepLimit;
    const limit = low === 0 && high === Infinity ? undefined : [low, Math.min(high, FLOAT32_MAX)];
    const sizes = {
      ...argsFromJson({ ...json, num_heads: null, time_step_limit: limit }, OWN),
      depth: config.numHiddenLayers,
      dense: config.dense,
    };
    return new Mamba2Layer({ ...args, ...sizes, weights: weightsOf(mamba2, { config, params }) });
  }

  /** @throws SsmError OPTION */
  constructor(args?: Mamba2LayerArgs) {
    super(family, args);
  }
}
