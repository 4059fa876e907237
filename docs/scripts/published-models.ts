/** What models that others have published take in memory, computed from their shapes through our own specs, without their weights. */
import { mamba, mamba2 } from '@densessm/mamba';
import { denseRetNet } from '@densessm/retnet';
import { type AnyModel, countParams, disposeTree, leavesOf, tensorsOf, type WeightType, weightTypeOf } from '@densessm/ssm-core';
import { setBackend } from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';

/** Bits of one weight, scales of groups included. */
const BITS: Readonly<Record<WeightType, number>> = { f32: 32, bf16: 16, int8: 8.5, int4: 4.5 };

/** state-spaces/mamba's own config.json: width, layers. Its vocabulary is padded to a multiple of 8, Mamba-2's to one of 16. */
const mambas = [
  ['130m', 768, 24],
  ['370m', 1024, 48],
  ['790m', 1536, 48],
  ['1.4b', 2048, 48],
  ['2.8b', 2560, 64],
] as const;
const mamba2s = [
  ['130m', 768, 24],
  ['370m', 1024, 48],
  ['780m', 1536, 48],
  ['1.3b', 2048, 48],
  ['2.7b', 2560, 64],
] as const;

const original = (d_model: number, n_layer: number) => ({ d_model, n_layer, vocab_size: 50277, tie_embeddings: true });

const models: readonly { id: string; model: AnyModel; json: Record<string, unknown> }[] = [
  ...mambas.map(([size, width, layers]) => ({
    id: `state-spaces/mamba-${size}`,
    model: mamba as AnyModel,
    json: { ...original(width, layers), pad_vocab_size_multiple: 8, ssm_cfg: {} },
  })),
  ...mamba2s.map(([size, width, layers]) => ({
    id: `state-spaces/mamba2-${size}`,
    model: mamba2 as AnyModel,
    json: { ...original(width, layers), pad_vocab_size_multiple: 16, ssm_cfg: { layer: 'Mamba2' } },
  })),
  {
    id: 'DenseRetNet-350M (the sizes of the release)',
    model: denseRetNet as AnyModel,
    json: {
      ...{ model_type: 'llama', vocab_size: 32000, hidden_size: 1536, num_hidden_layers: 16, num_attention_heads: 2 },
      ...{ query_key_dim: 768, v_factor: 2, dense_block_layers: 1 },
    },
  },
];

const sizeOf = (shape: readonly number[]): number => shape.reduce((size, one) => size * one, 1);

/** Constants that follow from the config, and what must not be rounded, are float32. */
const typeOf = (leaf: ReturnType<typeof leavesOf> extends Iterable<infer Leaf> ? Leaf : never, type: WeightType): WeightType =>
  ('precision' in leaf ? weightTypeOf(leaf, type) : undefined) ?? 'f32';

export interface PublishedModel {
  readonly id: string;
  readonly parameters: number;
  /** Bytes of all weights, by how matrices are kept. */
  readonly weights: Readonly<Record<WeightType, number>>;
  /** Bytes of the state of one text, in float32. */
  readonly stateBytes: number;
}

/** Needs no weights: shapes say it all. */
export async function publishedModels(): Promise<PublishedModel[]> {
  await setBackend('cpu');
  return models.map(({ id, model, json }) => {
    const config = model.parseConfig(json);
    const spec = model.spec(config);
    const bytes = (type: WeightType) =>
      Math.round([...leavesOf(spec)].reduce((sum, leaf) => sum + (sizeOf(leaf.shape) * BITS[typeOf(leaf, type)]) / 8, 0));
    const state = model.initialState(config, 1);
    const stateBytes = [...tensorsOf(state)].reduce((sum, [, one]) => sum + one.size * 4, 0);
    disposeTree(state);
    const weights = { f32: bytes('f32'), bf16: bytes('bf16'), int8: bytes('int8'), int4: bytes('int4') };
    return { id, parameters: countParams(spec), weights, stateBytes };
  });
}

/** Rows for Markdown. */
export function publishedTable(rows: readonly PublishedModel[]): string {
  const megabytes = (bytes: number): string => (bytes / 1e6).toLocaleString('en', { maximumFractionDigits: bytes < 1e8 ? 1 : 0 });
  const lines = rows.map(({ id, parameters, weights: { f32, bf16, int8, int4 }, stateBytes }) => {
    const sizes = [f32, bf16, int8, int4, stateBytes].map(megabytes);
    return `| ${id} | ${megabytes(parameters)} M | ${sizes.join(' | ')} |`;
  });
  return ['| model | parameters | f32, MB | bf16 | int8 | int4 | state, MB |', '|---|---|---|---|---|---|---|', ...lines, ''].join('\n');
}
