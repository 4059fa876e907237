import { denseMamba, mamba } from '@densessm/mamba';
import { denseRetNet } from '@densessm/retnet';
import { type AnyModel, buildParams, disposeTree, namedParams } from '@densessm/ssm-core';
import { tensor } from '@tensorflow/tfjs-core';

export interface Sizes {
  /** Of each model, for a trial. */
  layers?: number;
  /** Divides the widths and lengths, for a trial on a small device. */
  shrink: number;
}

export interface Model {
  name: string;
  model: AnyModel;
  json: object;
}

/** The sizes of state-spaces/mamba-130m-hf; dense with one layer shown. */
export const mamba130m = ({ layers = 24, shrink }: Sizes, denseLayers = 0): Model => {
  const json = {
    ...{ model_type: 'mamba', vocab_size: Math.ceil(50_280 / shrink), hidden_size: 768 / shrink, num_hidden_layers: layers },
    tie_word_embeddings: true,
  };
  return denseLayers > 0
    ? { name: 'DenseMamba-130M', model: denseMamba, json: { ...json, model_type: 'dense_mamba', dense_block_layers: denseLayers } }
    : { name: 'Mamba-130M', model: mamba, json };
};

/** The sizes of the authors' DenseRetNet-350M; m = 0 is their RetNet. */
export const denseRetNet350m = ({ layers = 16, shrink }: Sizes, denseLayers = 1): Model => ({
  name: denseLayers > 0 ? 'DenseRetNet-350M' : 'DenseRetNet-350M, m = 0',
  model: denseRetNet,
  json: {
    ...{
      model_type: 'llama',
      vocab_size: 32_000 / shrink,
      hidden_size: 1536 / shrink,
      query_key_dim: 768 / shrink,
      num_attention_heads: 2,
    },
    ...{ num_hidden_layers: layers, v_factor: 2, dense_block_layers: denseLayers },
  },
});

/** Starting values by config: making them takes the host longer than all steps take the device. */
const known = new Map<string, Map<string, Float32Array>>();

/** Weights from seed 1, the same for each call; `off` times them by 1 ± off, up and down in turn. */
export async function weightsOf({ model, json }: Model, off = 0): Promise<object> {
  const config = model.parseConfig(json);
  const spec = model.spec(config);
  const key = JSON.stringify(json);
  let values = known.get(key);
  if (!values) {
    values = new Map();
    const made = model.init(config, 1) as object;
    for (const [{ name }, leaf] of namedParams(spec, made)) values.set(name, (await leaf.data()).slice() as Float32Array);
    known.set(key, values);
    disposeTree(made);
  }
  const given = values;
  const valuesOf = (name: string): Float32Array => {
    const exact = given.get(name) as Float32Array;
    return off === 0 ? exact : exact.map((value, i) => value * (1 + (i % 2 === 0 ? off : -off)));
  };
  return buildParams(spec, ({ name, shape }) => tensor(valuesOf(name), [...shape])) as object;
}
