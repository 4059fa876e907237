import type { AnyModel } from '@densessm/ssm-core';

/** The sizes that the flags of `densessm train` name. Those without a default of the command are undefined where nobody gave them. */
export interface ModelSizes {
  /** Tokens of the tokenizer; the model needs as many or more. */
  readonly vocabSize: number;
  /** `--hidden-size`. */
  readonly hiddenSize: number;
  /** `--num-hidden-layers`. */
  readonly numHiddenLayers: number;
  /** `--num-attention-heads`. */
  readonly numAttentionHeads: number | undefined;
  /** `--state-size`. */
  readonly stateSize: number | undefined;
  /** `--dense-layers`. */
  readonly denseLayers: number;
}

/** A model that the command can train and open: the contract of every model, and how the size flags become its config.json. */
export type CommandModel = AnyModel & {
  /**
   * config.json of a fresh model, without `model_type`. A flag that it does not read is refused where somebody gives it. Left out: `vocab_size`,
   * `hidden_size`, `num_hidden_layers`, and what was given of `num_attention_heads`, `state_size` and `dense_block_layers`.
   */
  configFor?(sizes: ModelSizes): Record<string, unknown>;
};

/** What `--model` calls it: `dense-mamba` for `dense_mamba`. */
export const nameOf = ({ modelType }: Pick<AnyModel, 'modelType'>): string => modelType.replaceAll('_', '-');
