import {
  type ForwardOptions,
  headInput,
  initParams,
  readConfig,
  type SequenceModel,
  type TokenIds,
  tidyTree,
  tokenTensor,
  weight,
} from '@densessm/ssm-core';
import {
  add,
  cast,
  concat,
  expandDims,
  matMul,
  mul,
  oneHot,
  reshape,
  slice,
  squeeze,
  type Tensor2D,
  type Tensor3D,
  zeros,
} from '@tensorflow/tfjs-core';
import type { ModelBundle, TextTokenizer } from '../bundle';

export interface ToyConfig {
  readonly vocabSize: number;
  /** Whether the state also counts positions on the host, as RetNet's does; a late token then counts for more. */
  readonly isPositional: boolean;
}
export interface ToyParams {
  /** [V, V] */
  table: Tensor2D;
}
export interface ToyState {
  /** [B, V] */
  seen: Tensor2D;
  position?: number;
}

const spec = ({ vocabSize }: ToyConfig) => ({ table: weight('table', [vocabSize, vocabSize]) });

/** The smallest language model with a memory: s_t = s_(t−1) / 2 + onehot(x_t), logits_t = s_t table. */
function toyAdvance(
  params: ToyParams,
  config: ToyConfig,
  tokens: TokenIds,
  state: ToyState,
  options: ForwardOptions = {},
): [Tensor3D, ToyState] {
  return tidyTree(() => {
    const { vocabSize, isPositional } = config;
    const ids = tokenTensor('toy', tokens, vocabSize);
    const [batch, length] = ids.shape;
    const rows = reshape(cast(oneHot(reshape(ids, [-1]), vocabSize), 'float32'), [batch, length, vocabSize]);
    const states: Tensor3D[] = [];
    let { seen } = state;
    for (let t = 0; t < length; t++) {
      const weighted = isPositional ? 1 + 0.01 * ((state.position ?? 0) + t) : 1;
      seen = add(mul(seen, 0.5), mul(squeeze(slice(rows, [0, t, 0], [batch, 1, vocabSize]), [1]), weighted));
      states.push(expandDims(seen, 1));
    }
    const read = headInput('toy', concat(states, 1), options);
    const flat = reshape(read, [-1, vocabSize]) as Tensor2D;
    const logits = reshape(matMul(flat, params.table), [batch, read.shape[1], vocabSize]) as Tensor3D;
    return [logits, isPositional ? { seen, position: (state.position ?? 0) + length } : { seen }];
  });
}

const emptyState = ({ vocabSize, isPositional }: ToyConfig, batch: number): ToyState => {
  const seen = zeros([batch, vocabSize]) as Tensor2D;
  return isPositional ? { seen, position: 0 } : { seen };
};

export const toyModel: SequenceModel<ToyConfig, ToyParams, ToyState> = {
  modelType: 'toy',
  recognizes: () => false,
  parseConfig: (json) => {
    const reader = readConfig('toy', json);
    return { vocabSize: reader.integer('vocab_size'), isPositional: reader.boolean('is_positional', false) };
  },
  configToJson: ({ vocabSize, isPositional }) => ({ vocab_size: vocabSize, is_positional: isPositional }),
  spec,
  init: (config, seed) => initParams(spec(config), seed) as ToyParams,
  forward: (params, config, tokens: TokenIds, _options?: ForwardOptions) =>
    tidyTree(() => toyAdvance(params, config, tokens, emptyState(config, 'dtype' in tokens ? tokens.shape[0] : tokens.length))[0]),
  hiddenStates: () => {
    throw new Error('the toy model has no layers');
  },
  initialState: emptyState,
  advance: toyAdvance,
};

/** A toy with logits some units apart, so that choices are clear. */
export function toyBundle({ vocabSize = 11, isPositional = false, seed = 1, scale = 8, tokenizer }: ToyOptions = {}): ModelBundle {
  const config = { vocabSize, isPositional };
  const params = tidyTree(() => ({ table: mul(toyModel.init(config, seed).table, scale) as Tensor2D }));
  return { model: toyModel, config, params, tokenizer };
}

interface ToyOptions {
  vocabSize?: number;
  isPositional?: boolean;
  seed?: number;
  scale?: number;
  tokenizer?: TextTokenizer;
}

/** A toy that says `next[x]` after x, whatever came before. */
export function chainBundle(next: readonly number[], tokenizer?: TextTokenizer): ModelBundle {
  const bundle = toyBundle({ vocabSize: next.length, tokenizer });
  const config = bundle.config as ToyConfig;
  const { table } = bundle.params as ToyParams;
  const chain = tidyTree(() => mul(cast(oneHot([...next], next.length), 'float32'), 9) as Tensor2D);
  table.dispose();
  return { ...bundle, config, params: { table: chain } };
}

/** Ids stand for the given pieces of text; encoding takes the longest piece that fits. */
export function pieceTokenizer(pieces: readonly string[], eos: number | null = null): TextTokenizer {
  const decode = (ids: readonly number[]) => ids.map((id) => (id === eos ? '' : pieces[id])).join('');
  return {
    specialIds: { bos: null, eos },
    encode: (text) => {
      const ids: number[] = [];
      for (let at = 0; at < text.length; ) {
        const fits = pieces.map((piece, id) => ({ piece, id })).filter(({ piece }) => piece !== '' && text.startsWith(piece, at));
        const best = fits.reduce((a, b) => (b.piece.length > a.piece.length ? b : a));
        ids.push(best.id);
        at += best.piece.length;
      }
      return ids;
    },
    decode,
    decodeStream: () => ({ push: (id) => decode([id]), end: () => '' }),
  };
}
