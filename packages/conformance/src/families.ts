import { retentionScale } from '@densessm/retnet/retention';
import { type HiddenStates, SsmError } from '@densessm/ssm-core';
import { div, reshape, sqrt, type Tensor, type Tensor3D, type Tensor4D, tensor1d, transpose } from '@tensorflow/tfjs-core';

import { rowNormalizedRetention } from './row-normalized-retention';
import type { Family, NamedTensor } from './types';

interface MambaState {
  layers: { conv: Tensor3D; ssm: Tensor }[];
}
interface RetNetState {
  position: number;
  layers: { kv: Tensor4D }[];
}

/** Hidden states as transformers' Mamba returns them: no embeddings, and the last one normed. */
const mambaFamily: Family = {
  logits: 1e-4,
  gradients: 1e-4,
  laterSteps: unlimited,
  hidden: ({ layers, final }: HiddenStates) => [...layers, final],
  state: (tree) =>
    (tree as MambaState).layers.flatMap(({ conv, ssm }, l): NamedTensor[] => [
      [`${l}.conv`, conv],
      [`${l}.ssm`, ssm],
    ]),
};

/**
 * transformers reads a first token as a chunk and applies time_step_limit to it, but not to the tokens that follow one by one.
 * Ours applies it to all, so that `forward` and `advance` agree.
 */
function unlimited(config: object): object {
  const limit = 'timeStepLimit' in config ? (config.timeStepLimit as number[]) : [0, Infinity];
  return limit[0] === 0 && limit[1] === Infinity ? config : { ...config, timeStepLimit: [0, Infinity] };
}

/** Our state is [B, H, N, P] as in decayScan, the reference's [B, H, P, N]. */
const mamba2Family: Family = {
  ...mambaFamily,
  state: (tree) => mambaFamily.state(tree).map(([name, tensor]) => [name, name.endsWith('ssm') ? transpose(tensor, [0, 1, 3, 2]) : tensor]),
};

const retnetFamily: Family = {
  logits: 1e-4,
  // the row normalizer of the reference's parallel mode meets the eps of the norm behind it: see `exactOptions`
  gradients: 5e-3,
  exact: { options: { retention: rowNormalizedRetention }, logits: 1e-4, gradients: 1e-4 },
  laterSteps: (config) => config,
  hidden: ({ embeddings, layers }) => [embeddings, ...layers],
  state: (tree) => retentionStates(tree, '', ''),
};

/** Keys are rotated by their own position ("rot"), as in the reference's parallel mode. */
const denseRetNetFamily: Family = {
  ...retnetFamily,
  hidden: ({ embeddings, layers, final }) => [embeddings, ...layers.slice(0, -1), final],
  state: (tree) => retentionStates(tree, 'rot.', 'ref.'),
};

/** The reference keeps Sᵀ / √scale, [B, H, V, K]; ours is the raw S, since the scale follows from the position. */
function retentionStates(tree: unknown, kv: string, scale: string): NamedTensor[] {
  const { position, layers } = tree as RetNetState;
  return layers.flatMap(({ kv: s }, l): NamedTensor[] => {
    const scales = tensor1d(retentionScale(s.shape[1], position));
    return [
      [`${kv}${l}.kv`, div(transpose(s, [0, 1, 3, 2]), sqrt(reshape(scales, [-1, 1, 1])))],
      [`${scale}${l}.scale`, scales],
    ];
  });
}

const families: Readonly<Record<string, Family>> = {
  mamba: mambaFamily,
  mamba2: mamba2Family,
  retnet: retnetFamily,
  dense_retnet: denseRetNetFamily,
};

/** @throws SsmError MODEL for a model without a published reference. */
export function familyOf(modelType: string): Family {
  const family = families[modelType];
  if (family) return family;
  throw new SsmError({
    code: 'MODEL',
    what: `conformance: model type "${modelType}" has no reference.`,
    expected: Object.keys(families).join(', '),
    got: modelType,
    fix: 'prove it by construction instead, as the dense Mamba tests do',
  });
}
