import { bias, filter, gain, normal, type ParamLeaf, repeated, type SpecTree, weight } from '@densessm/ssm-core';
import type { Rank } from '@tensorflow/tfjs-core';
import type { BackboneConfig } from './backbone-config';
import { ofConvBias, ofOutProjection, ofProjections } from './initial-values';

/** Where the embedding lies in each layout; either reads the other's name, and a stored copy of a tied head. */
function embeddingLeaf(c: BackboneConfig): ParamLeaf<Rank.R2> {
  const [own, other] = c.layout === 'mamba_ssm' ? ['embedding', 'embeddings'] : ['embeddings', 'embedding'];
  const aliases = [`backbone.${other}.weight`, ...(c.tieWordEmbeddings ? ['lm_head.weight'] : [])];
  return weight(`backbone.${own}.weight`, [c.vocabSize, c.hiddenSize], { aliases, init: normal(c.initializerRange) });
}

/** The tensors around the mixers. `mixer` gives those of one layer, whose names start with `name`. */
export const backboneSpec = <M extends SpecTree>(c: BackboneConfig, mixer: (name: string, layer: number) => M) => ({
  embeddings: embeddingLeaf(c),
  layers: repeated(c.numHiddenLayers, (l) => ({
    norm: gain(`backbone.layers.${l}.norm.weight`, c.hiddenSize),
    mixer: mixer(`backbone.layers.${l}.mixer`, l),
  })),
  normF: gain('backbone.norm_f.weight', c.hiddenSize),
  /** Undefined where the embedding is the head. */
  lmHead: c.tieWordEmbeddings ? undefined : weight('lm_head.weight', [c.vocabSize, c.hiddenSize], { init: ofProjections(c) }),
});

/** The tensors that the mixers of both families have: the way in (to `intoSize` channels), the convolution of `convSize` channels, the way out. */
export const mixerSpec = (c: BackboneConfig, name: string, sizes: { intoSize: number; convSize: number }) => ({
  inProj: {
    weight: weight(`${name}.in_proj.weight`, [sizes.intoSize, c.hiddenSize], { init: ofProjections(c) }),
    bias: c.useBias ? bias(`${name}.in_proj.bias`, sizes.intoSize) : undefined,
  },
  conv1d: {
    weight: filter(`${name}.conv1d.weight`, [sizes.convSize, 1, c.convKernel]),
    bias: c.useConvBias ? bias(`${name}.conv1d.bias`, sizes.convSize, { init: ofConvBias(c) }) : undefined,
  },
  outProj: {
    weight: weight(`${name}.out_proj.weight`, [c.hiddenSize, c.innerSize], { init: ofOutProjection(c) }),
    bias: c.useBias ? bias(`${name}.out_proj.bias`, c.hiddenSize) : undefined,
  },
});
