/** The models that are measured, with random weights: their config.json, and folders with their weights made at the first need. */
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { denseMamba, type MambaConfig, type MambaParams, mamba } from '@densessm/mamba';
import { denseRetNet, retnet } from '@densessm/retnet';
import { savePretrained } from '@densessm/runtime-node';
import { type AnyModel, disposeTree } from '@densessm/ssm-core';
import { writeGguf } from '../peers/gguf';
import { writeMambaC } from '../peers/mamba-c-file';
import type { Options } from './options';

export interface Measured {
  name: string;
  model: AnyModel;
  json: Record<string, unknown>;
  /** On disk. Peers read the same weights, in float32. */
  stored: 'F32' | 'BF16';
}

/** The sizes of state-spaces/mamba-130m-hf unless the options say otherwise. */
const mamba130m = ({ hidden, layers = 24, vocab }: Options) => ({
  vocab_size: vocab,
  hidden_size: hidden,
  num_hidden_layers: layers,
  state_size: 16,
  conv_kernel: 4,
  tie_word_embeddings: true,
});

export const smallMamba = (o: Options): Measured => ({
  name: 'Mamba-130M',
  model: mamba,
  json: { ...mamba130m(o), model_type: 'mamba' },
  stored: 'F32',
});
export const smallDenseMamba = (o: Options): Measured => ({
  name: 'DenseMamba-130M',
  model: denseMamba,
  json: { ...mamba130m(o), model_type: 'dense_mamba', dense_block_layers: 1 },
  stored: 'BF16',
});

const VOCABULARY = 32_000;

/** The sizes of the authors' DenseRetNet-350M; m = 0 is their RetNet. */
export const denseRetNet350m = ({ layers = 16 }: Options, denseLayers = 1): Measured => ({
  name: denseLayers > 0 ? 'DenseRetNet' : 'DenseRetNet, m = 0',
  model: denseRetNet,
  json: {
    model_type: 'llama',
    vocab_size: VOCABULARY,
    hidden_size: 1536,
    query_key_dim: 768,
    num_attention_heads: 2,
    num_hidden_layers: layers,
    v_factor: 2,
    dense_block_layers: denseLayers,
  },
  stored: 'BF16',
});

/** About 350 million parameters each. */
export function largeModels(o: Options): Measured[] {
  const mambaJson = {
    vocab_size: VOCABULARY,
    hidden_size: 1024,
    num_hidden_layers: o.layers ?? 48,
    state_size: 16,
    tie_word_embeddings: true,
  };
  const retnetJson = {
    model_type: 'retnet',
    vocab_size: VOCABULARY,
    decoder_embed_dim: 1024,
    decoder_value_embed_dim: 2048,
    decoder_ffn_embed_dim: 2048,
    decoder_layers: o.layers ?? 24,
    decoder_retention_heads: 4,
    activation_fn: 'swish',
    share_decoder_input_output_embed: true,
  };
  return [
    { name: 'Mamba', model: mamba, json: { ...mambaJson, model_type: 'mamba' }, stored: 'BF16' },
    { name: 'DenseMamba', model: denseMamba, json: { ...mambaJson, model_type: 'dense_mamba', dense_block_layers: 1 }, stored: 'BF16' },
    { name: 'RetNet', model: retnet, json: retnetJson, stored: 'BF16' },
    denseRetNet350m(o),
  ];
}

/** A folder that `loadPretrained` opens, made whole or not at all. */
export async function folderOf(work: string, { name, model, json, stored }: Measured): Promise<string> {
  const sizes = createHash('sha256').update(JSON.stringify(json)).digest('hex').slice(0, 8);
  const folder = join(work, `${name.replaceAll(/[^\w-]+/g, '-')}-${sizes}`);
  if (existsSync(folder)) return folder;
  process.stderr.write(`  makes the weights of ${name}\n`);
  const unfinished = mkdtempSync(join(work, 'unfinished-'));
  const config = model.parseConfig(json);
  const params: object = model.init(config, 1);
  await savePretrained(unfinished, { model, config, params }, { dtype: stored });
  if (stored === 'F32') await writeForPeers(unfinished, config, params as MambaParams);
  disposeTree(params);
  renameSync(unfinished, folder);
  return folder;
}

async function writeForPeers(folder: string, config: MambaConfig, params: MambaParams): Promise<void> {
  await writeGguf(join(folder, 'f32.gguf'), params, config);
  await writeMambaC(join(folder, 'mamba-c.bin'), params, config);
}
