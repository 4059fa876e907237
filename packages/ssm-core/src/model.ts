import type { Tensor2D, Tensor3D } from '@tensorflow/tfjs-core';
import { type ConfigJson, readConfig } from './config';
import { SsmError } from './errors';
import type { ForwardOptions } from './forward-options';
import type { SpecTree } from './spec';
import type { TokenIds } from './tokens';

/** What flows between the layers of a model, all [B, T, hiddenSize]. */
export interface HiddenStates {
  embeddings: Tensor3D;
  /** The output of each layer, residual included. */
  layers: Tensor3D[];
  /** After the last norm; the head reads this. */
  final: Tensor3D;
  /** [B, T, vocab], or [B, 1, vocab] where only the last were asked for; `final` itself where none were. */
  logits: Tensor3D;
}

/** The gate through which a layer reads shallower ones: one dense connection, on some tokens. */
export interface LayerGate {
  /** The layer that reads, counted from 0. */
  layer: number;
  /** Which of its states passes the gate: 'state', 'k', 'v', 'B' or 'u'. */
  name: string;
  /** [B, T, width], or [B, T, n·width] where each of n sources has a gate of its own, nearest first. */
  values: Tensor3D;
}

/** The layers of a model's params. */
export type LayersOf<P> = P extends { layers: infer L } ? L : never;

/** Options of a call that mean something without tokens. */
export type LayersOptions = Pick<ForwardOptions, 'chunkSize' | 'documentStarts' | 'recompute'>;

export interface DecoderOptions {
  /** Texts that are read side by side, at most. */
  batch: number;
}

/** How a token is chosen of logits: in this order, as generation does it on the host. */
export interface ChoiceRules {
  /** Added to the logits of some tokens; -Infinity forbids one. */
  logitBias: ReadonlyMap<number, number>;
  /** Divides the positive logits of tokens that a text's history holds, and multiplies the negative ones; 1 for none. */
  repetitionPenalty: number;
  /** Taken off the logit of a drawn token once, and for each time it was drawn; 0 for none. */
  presencePenalty: number;
  frequencyPenalty: number;
  /** 0 takes the largest logit, of equal ones that with the lowest id, and none of what follows. */
  temperature: number;
  /** 0 for all. */
  topK: number;
  /** 1 for all. */
  topP: number;
  /** 0 for all. */
  minP: number;
}

/** What penalties look back on in one text. */
export interface ChoiceHistory {
  /** The last tokens, oldest first. */
  recent: readonly number[];
  /** How many tokens were drawn since the last that was given; those of them that are recent count as drawn. */
  drawn: number;
  /** How many tokens are recent at most. */
  window: number;
}

export interface RunOptions {
  /** Of each text, from 1 to `mostTokens`. */
  tokens: number;
  rules: ChoiceRules;
  /** Of each text; read where a penalty looks back. */
  histories: readonly ChoiceHistory[];
  /** For each text, a number from [0, 1) for each token; read where the temperature is not 0. */
  randoms: readonly (readonly number[])[];
  /** Whether the logits after each token can be looked at. */
  logits?: boolean;
}

/** Tokens that were chosen and read in a row. */
export interface TokenRun {
  /** -1 where no token could be chosen: whatever comes behind it in that text means nothing. [tokens · batch] */
  ids: Int32Array;
  /** Where they were asked for, the logits after one of the tokens, counted from 0; they are lent until the next run. [batch · vocab] */
  logits?(token: number): Float32Array;
}

/** Chooses tokens where a decoder's logits lie, so that several are read one after the other before the host hears of any. */
export interface TokenChooser {
  /** Of a run. */
  readonly mostTokens: number;
  /** Whether a run can begin: there is room for it, and the logits are those after the last token, as they are after a step, a run or a rewind. */
  ready(): Promise<boolean>;
  /**
   * Chooses and reads `options.tokens` tokens of each text, the first by the logits after the last one. A run that throws has read nothing that `rewind(0)` does
   * not take back. @throws SsmError STATE where a run cannot begin, LOST and BACKEND as `step`
   */
  run(options: RunOptions): Promise<TokenRun>;
  /** Goes back to where the texts were after the first `tokens` tokens of the last run; nothing may have been read or loaded since. @throws SsmError as `step` */
  rewind(tokens: number): void;
  /** The logits after the last token, as `step` gives them. */
  logits(): Promise<Float32Array>;
}

/**
 * Reads texts token by token, with packed weights and states in fixed buffers: a row for each of `batch` texts, which are independent of each other. With weights in f32 the logits are those of `advance` up to
 * float32's rounding. Owns memory: dispose of it. Of the params that it was made from it uses the packed matrices where they are, and copies the rest.
 */
export interface Decoder<State> {
  /**
   * Logits after one more token of each text, [batch · vocab], in an array of the decoder's that the next step fills anew. With fewer ids only the first
   * rows are read, and the states of the rows behind them are lost; what a row gives depends on itself alone.
   * @throws SsmError TOKENS, STATE, or BACKEND where the device fails
   */
  step(ids: ArrayLike<number>): Promise<Float32Array>;
  /** Undefined where the host chooses each token, as on wasm. */
  readonly chooser?: TokenChooser;
  /** Continues from a state of all rows, which stays the caller's. @throws SsmError STATE */
  load(state: State): Promise<void>;
  /** A copy of the state of all rows, as `advance` takes and gives it; the caller's to dispose of. @throws SsmError STATE where rows are at different positions */
  state(): State;
  /** Continues a row from a state of one text, which stays the caller's; other rows, which may be at other positions, stay as they are. @throws SsmError STATE */
  loadRow(row: number, state: State): Promise<void>;
  /** A copy of the state of a row, one text; the caller's to dispose of. @throws SsmError STATE */
  stateOfRow(row: number): State;
  /** A row continues from where another is. @throws SsmError STATE */
  copyRow(from: number, to: number): void;
  dispose(): void;
}

/**
 * A decoder before the first token, for params whose matrices are packed for the backend in use (`packParams` of the kernels).
 * @throws SsmError WEIGHTS where they are not, BACKEND without room
 */
export type DecoderMaker<P, State> = (params: P) => Promise<Decoder<State>>;

/**
 * A language model as pure functions over a params record. `forward` and `advance` compute the same function, and so
 * do any two ways of cutting a text into pieces for `advance`.
 */
export interface SequenceModel<C, P, State> {
  /** `model_type` in a config.json of ours. */
  readonly modelType: string;
  /** Whether this model reads a foreign config.json that names no `model_type` of ours. */
  recognizes(json: ConfigJson): boolean;
  /** @throws SsmError CONFIG */
  parseConfig(json: unknown): C;
  /** What a user should know of a foreign config: where implementations read it differently, and which keys were not understood. */
  warnings?(config: C): readonly string[];
  /** What to write as config.json: in the format that the config was read from. */
  configToJson(config: C): Record<string, unknown>;
  /** Names, shapes, starting values: initialization, loading, counting and saving all come from here. */
  spec(config: C): SpecTree;
  init(config: C, seed: number): P;
  /** Logits at every position, [B, T] → [B, T, vocab]; [B, 1, vocab] with `logits: 'last'`, what the head reads with 'none'. */
  forward(params: P, config: C, tokens: TokenIds, options?: ForwardOptions): Tensor3D;
  /** The weights of the head, [vocab, hiddenSize], where logits are what it reads times them and nothing else. */
  head?(params: P): Tensor2D;
  /** Logits of what some layer gives out, [B, T, hiddenSize] → [B, T, vocab], as if it was the last one: norm and head. To look inside (logit lens). */
  logitsOf?(params: P, config: C, hidden: Tensor3D): Tensor3D;
  /** As `forward`, with everything that flows between layers. */
  hiddenStates(params: P, config: C, tokens: TokenIds, options?: ForwardOptions): HiddenStates;
  /**
   * The layers without embedding, last norm and head, for sequences of other things than tokens: x [B, T, hiddenSize] → [B, T, hiddenSize],
   * the last of `hiddenStates(…).layers` where x is its embeddings. `layers` are those of the params.
   * @throws SsmError SHAPE, OPTION
   */
  runLayers?(layers: LayersOf<P>, config: C, x: Tensor3D, options?: LayersOptions): Tensor3D;
  /** The gates of the dense connections, to look at; none in a model without them. Freeing the tensors is the caller's. */
  gates?(params: P, config: C, tokens: TokenIds, options?: ForwardOptions): LayerGate[];
  /** The state before the first token. Its size does not depend on how much text follows. */
  initialState(config: C, batch: number): State;
  /**
   * Reads T ≥ 1 more tokens: logits as `forward`'s and the next state. The given state stays valid: disposing of it is the caller's.
   * Differentiable; with a state from outside of the loss this is truncated backpropagation through time.
   */
  advance(params: P, config: C, tokens: TokenIds, state: State, options?: ForwardOptions): [Tensor3D, State];
  /**
   * The tensors that `advance` makes on the host for `length` tokens behind `position` others, as it takes them in its options: with them it is a function of
   * tensors alone, which a device can do again. The caller's to dispose of. Left out where states hold nothing but tensors.
   */
  positions?(config: C, position: number, length: number): object;
  /**
   * What makes a fast reader of single tokens on the backend in use. Undefined where the model has none for this backend or config, before any
   * weight is packed: `advance` serves instead. @throws SsmError OPTION
   */
  decoder?(config: C, options: DecoderOptions): DecoderMaker<P, State> | undefined;
}

// biome-ignore lint/suspicious/noExplicitAny: a registry holds models of every config and state
export type AnyModel = SequenceModel<any, any, any>;

const models: AnyModel[] = [];

/** Makes a model known to {@link modelFor}. Importing a model registers nothing. */
export function registerModel(model: AnyModel): void {
  const known = models.findIndex((one) => one.modelType === model.modelType);
  if (known >= 0) models[known] = model;
  else models.push(model);
}

/**
 * The model that a config.json belongs to, among the registered ones unless others are given.
 * @throws SsmError MODEL where none answers to it.
 */
export function modelFor(json: unknown, among: readonly AnyModel[] = models): AnyModel {
  const config = readConfig('modelFor', json).json;
  const model = among.find((one) => one.modelType === config.model_type) ?? among.find((one) => one.recognizes(config));
  if (model) return model;
  throw new SsmError({
    code: 'MODEL',
    what: 'modelFor: no registered model answers to this config.',
    expected: among.length
      ? `model_type ${among.map((one) => JSON.stringify(one.modelType)).join(', ')} or a format one of them reads`
      : 'at least one registered model',
    got: `model_type ${JSON.stringify(config.model_type) ?? 'missing'}`,
    fix: 'call registerModel(mamba), registerModel(retnet) … before, or check the config',
  });
}
