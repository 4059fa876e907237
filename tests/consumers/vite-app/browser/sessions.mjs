// What Node and the page both do with sessions, so that one can be compared with the other to the last bit.
import { loadPretrainedFiles } from '@densessm/checkpoint';
import { Session } from '@densessm/generate';
import { registerWasmKernels } from '@densessm/kernels/wasm';
import { denseMamba, denseMamba2, mamba, mamba2 } from '@densessm/mamba';
import { denseRetNet, retnet } from '@densessm/retnet';
import { disposeTree } from '@densessm/ssm-core';
import { byteTokenizer } from '@densessm/tokenizer';
import { findBackend, memory } from '@tensorflow/tfjs-core';

export const models = [mamba, mamba2, denseMamba, denseMamba2, retnet, denseRetNet];

const size = { vocab_size: 256, hidden_size: 16, num_hidden_layers: 2, state_size: 4, initializer_range: 0.5 };
const heads = { num_heads: 4, head_dim: 8, n_groups: 1 };
const decoder = { vocab_size: 256, decoder_embed_dim: 16, decoder_layers: 2, decoder_retention_heads: 2 };
export const configs = {
  mamba: { ...size, model_type: 'mamba' },
  mamba2: { ...size, ...heads, model_type: 'mamba2' },
  dense_mamba: { ...size, model_type: 'dense_mamba', dense_block_layers: 1 },
  dense_mamba2: { ...size, ...heads, model_type: 'dense_mamba2', dense_block_layers: 1 },
  retnet: { ...decoder, decoder_value_embed_dim: 32, decoder_ffn_embed_dim: 24 },
  dense_retnet: {
    ...{ model_type: 'llama', vocab_size: 256, hidden_size: 16, num_hidden_layers: 3, num_attention_heads: 2 },
    ...{ query_key_dim: 8, v_factor: 2, dense_block_layers: 2 },
  },
};

/** Models whose files hold integers. */
export const dtypes = { mamba_int8: 'INT8', dense_retnet_int4: 'INT4' };
configs.mamba_int8 = configs.mamba;
configs.dense_retnet_int4 = configs.dense_retnet;

const BEGINNING = 'Call me Ishmael. Some years ago';
const REST = ', never mind how long';
const DRAWING = { temperature: 1, topP: 0.9, repetitionPenalty: 1.2, maxTokens: 12 };

const bundles = new Map();

/** Takes a build of the WebAssembly kernels, the fastest where none is named, and says which. */
export async function build(simd) {
  return (await registerWasmKernels(findBackend('wasm'), { simd })).simd;
}

/** @param {string} name @param {File[]} files config.json and weights */
export async function load(name, files) {
  bundles.set(name, { ...(await loadPretrainedFiles(files, { models })), tokenizer: byteTokenizer() });
}

/** Frees all models; what is then still there has leaked. */
export function unloadAll() {
  disposeTree([...bundles.values()].map(({ params }) => params));
  bundles.clear();
  return memory().numTensors;
}

const bundleOf = (name) => {
  const bundle = bundles.get(name);
  if (!bundle) throw new Error(`${name} was not loaded`);
  return bundle;
};

/** A snapshot in the middle of a text, and what the session that it was taken of says next. */
export async function begin(name) {
  const session = new Session(bundleOf(name), { seed: 7 });
  await session.append(BEGINNING);
  const snapshot = await session.snapshot();
  return { snapshot, ...(await goOn(session)) };
}

/** What a session that was restored says next. */
export const continued = async (name, snapshot) => goOn(await Session.restore(bundleOf(name), snapshot));

/** Text that was read, text that was drawn, and a snapshot of all that the session then is. */
async function goOn(session) {
  await session.append(REST);
  const { logits, stateBytes } = session;
  const { text } = await session.generate(DRAWING);
  const end = await session.snapshot();
  session.dispose();
  return { logits: new Uint8Array(logits.buffer), text, end, stateBytes };
}

/** How the restoring of a snapshot is refused: the error's code and first line, and whether tensors were left behind. */
export async function refusal(name, snapshot) {
  const bundle = bundleOf(name);
  const before = memory().numTensors;
  try {
    (await Session.restore(bundle, snapshot)).dispose();
    return 'it was restored';
  } catch (error) {
    if (memory().numTensors !== before) return `${memory().numTensors - before} tensors left behind`;
    return `${error.code} ${error.message.split('\n')[0]}`;
  }
}
