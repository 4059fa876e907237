import { type DenseConfig, denseConfigToJson, parseDenseConfig } from '@densessm/dense-connect';
import { type ConfigJson, type ConfigReader, readConfig } from '@densessm/ssm-core';
import { requireHeads } from '../head-sizes';
import { MAX_LAYERS } from '../retnet/config';

/** The config.json of WailordHe/DenseSSM's released DenseRetNet, in words. */
export interface DenseRetNetConfig {
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly numHiddenLayers: number;
  readonly numHeads: number;
  /** Width of all queries, and of all keys. */
  readonly keyDim: number;
  /** Width of all values: `v_factor` times the hidden size. */
  readonly valueDim: number;
  readonly normEps: number;
  /** The token whose embedding starts at zero and receives no gradient; undefined for none. */
  readonly padTokenId: number | undefined;
  readonly tieWordEmbeddings: boolean;
  /** Standard deviation of fresh matrices. */
  readonly initializerRange: number;
  /** A smaller start of some matrices; the released model, unlike torchscale's, never scales its residuals. */
  readonly deepnorm: boolean;
  readonly dense: DenseConfig;
  /** What else the file says (token ids, versions): written back as it was. */
  readonly rest: ConfigJson;
}

/** What a file must say for the reference to open it: it reads its config as a LlamaConfig, and insists on a dropout. */
const NEEDED_BY_REFERENCE = { model_type: 'llama', dropout: 0 };

export const recognizesDenseRetNet = (json: ConfigJson): boolean =>
  json.dense_block_layers !== undefined && json.query_key_dim !== undefined;

/**
 * Reads the released config.json. Keys that are left out mean what transformers' LlamaConfig means by it.
 * @throws SsmError CONFIG
 */
export function parseDenseRetNetConfig(json: unknown): DenseRetNetConfig {
  const reader = readConfig('parseDenseRetNetConfig', json);
  const hiddenSize = reader.integer('hidden_size');
  const vocabSize = reader.integer('vocab_size');
  const config = {
    vocabSize,
    hiddenSize,
    numHiddenLayers: reader.integer('num_hidden_layers', { max: MAX_LAYERS }),
    numHeads: reader.integer('num_attention_heads'),
    keyDim: reader.integer('query_key_dim'),
    valueDim: hiddenSize * reader.number('v_factor', { min: 0 }),
    normEps: reader.number(reader.spelling('rms_norm_eps', 'norm_eps', 'layer_norm_epsilon'), { fallback: 1e-6, min: 0 }),
    padTokenId: readPadding(reader, vocabSize),
    tieWordEmbeddings: reader.boolean('tie_word_embeddings', false),
    initializerRange: reader.number('initializer_range', { fallback: 0.02, min: 0 }),
    deepnorm: reader.boolean('deepnorm', false),
    dense: readConnections(reader, hiddenSize),
  };
  const { valueDim } = config;
  reader.require(Number.isInteger(valueDim) && valueDim > 0, 'v_factor', `a factor that makes ${hiddenSize} a whole number of values`);
  requireHeads(reader, config, { keys: 'query_key_dim', values: 'v_factor' });
  return Object.freeze({ ...config, rest: { ...NEEDED_BY_REFERENCE, ...reader.unread(), model_type: NEEDED_BY_REFERENCE.model_type } });
}

/** The released gates have rank hidden // 32: under a hidden size of 32 none at all. */
const releasedRank = (hiddenSize: number): { gateRank: number } => ({ gateRank: Math.floor(hiddenSize / 32) });

/** A gate of rank 0 is zero for every token, so that nothing is read through it: as with no dense layers, whatever the file says. */
function readConnections(reader: ConfigReader, hiddenSize: number): DenseConfig {
  const dense = parseDenseConfig(reader, hiddenSize, releasedRank(hiddenSize));
  if (dense.gateRank > 0 || (dense.gate !== 'mlp' && dense.fusion !== 'attention')) return dense;
  const fix = 'say dense_gate_rank 1 or more for such a small hidden size';
  reader.require(dense.gate === 'mlp' && dense.fusion === 'add', 'dense_gate_rank', 'a rank above zero', fix);
  return Object.freeze({ ...dense, denseLayers: 0 });
}

/** What a user should know of a config: dense connections that add nothing. */
export function denseRetNetWarnings({ dense, hiddenSize }: DenseRetNetConfig): string[] {
  if (dense.gate !== 'mlp' || dense.gateRank > 0) return [];
  return [`the gates have rank hidden_size // 32 = 0 for a hidden size of ${hiddenSize}: dense connections add nothing`];
}

/** As torch's padding_idx: counted from the end of the vocabulary where negative. */
function readPadding(reader: ConfigReader, vocabSize: number): number | undefined {
  const id = reader.integer('pad_token_id', { fallback: undefined, min: -vocabSize, max: vocabSize - 1 });
  return id !== undefined && id < 0 ? vocabSize + id : id;
}

/** The released format. */
export function denseRetNetConfigToJson(config: DenseRetNetConfig): Record<string, unknown> {
  return {
    ...config.rest,
    vocab_size: config.vocabSize,
    hidden_size: config.hiddenSize,
    num_hidden_layers: config.numHiddenLayers,
    num_attention_heads: config.numHeads,
    query_key_dim: config.keyDim,
    v_factor: config.valueDim / config.hiddenSize,
    rms_norm_eps: config.normEps,
    pad_token_id: config.padTokenId ?? null,
    tie_word_embeddings: config.tieWordEmbeddings,
    initializer_range: config.initializerRange,
    deepnorm: config.deepnorm,
    ...denseConfigToJson(config.dense, config.hiddenSize, releasedRank(config.hiddenSize)),
  };
}
