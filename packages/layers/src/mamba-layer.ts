import { denseMamba, type MambaConfig, type MambaConnections, type MambaParams, mamba } from '@densessm/mamba';
import { argsFromJson, denseOnDisk, fieldsOnDisk, type LayerArgs, type SequenceLayerArgs } from './args';
import { type LayerFamily, type OfModel, SequenceLayer, weightsOf } from './sequence-layer';

export interface MambaLayerArgs extends SequenceLayerArgs {
  dense?: Partial<MambaConnections> & Pick<MambaConnections, 'denseLayers'>;
  /** N, numbers of state per channel. Default 16. */
  stateSize?: number;
  /** Channels inside a block are so many times those of its input. Default 2. */
  expand?: number;
  /** Width of the convolution in time. Default 4. */
  convKernel?: number;
  /** Rank of Δ. Default a sixteenth of the input's width. */
  timeStepRank?: number;
}

const OWN = { stateSize: 'stateSize', expand: 'expand', convKernel: 'convKernel', timeStepRank: 'timeStepRank' };

const family: LayerFamily<MambaConfig, MambaParams, MambaLayerArgs> = {
  layer: 'MambaLayer',
  args: Object.values(OWN),
  modelOf: ({ dense }) => (dense ? denseMamba : mamba),
  json: ({ depth = 1, dense, stateSize, expand, convKernel, timeStepRank, config = {} }, hiddenSize) => ({
    ...fieldsOnDisk({ ...config, stateSize, expand, convKernel, timeStepRank }),
    ...denseOnDisk('MambaLayer', dense, hiddenSize),
    ...{ model_type: dense ? 'dense_mamba' : 'mamba', vocab_size: 1, hidden_size: hiddenSize, num_hidden_layers: depth },
  }),
  unread: ({ rest }) => rest,
};

/**
 * Blocks of Mamba (Gu and Dao 2023, arXiv:2312.00752), x + mixer(norm(x)), as a layer of TensorFlow.js: [batch, time, D] → [batch, time, D]; with
 * `dense` those of DenseMamba (DenseSSM, arXiv:2403.00818). Causal; any length.
 */
export class MambaLayer extends SequenceLayer<MambaConfig, MambaParams, MambaLayerArgs> {
  static className = 'MambaLayer';

  /**
   * A layer of a model's sizes that starts from its weights, which it reads when it is first applied.
   * @throws SsmError OPTION
   */
  static from({ config, params }: OfModel<MambaConfig, MambaParams>, args: LayerArgs = {}): MambaLayer {
    const json = mamba.configToJson({ ...config, dense: undefined, layout: 'transformers', rest: {} });
    const sizes = { ...argsFromJson(json, OWN), depth: config.numHiddenLayers, dense: config.dense };
    return new MambaLayer({ ...args, ...sizes, weights: weightsOf(mamba, { config, params }) });
  }

  /** @throws SsmError OPTION */
  constructor(args?: MambaLayerArgs) {
    super(family, args);
  }
}
