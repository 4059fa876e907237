/**
 * A Mamba as the GGUF file (version 3) that llama.cpp reads: architecture "mamba", float32, with a vocabulary of numbers.
 * https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
 */
import { closeSync, openSync, writeFileSync } from 'node:fs';
import type { MambaConfig, MambaParams } from '@densessm/mamba';
import { exp, neg, type Tensor, tidy } from '@tensorflow/tfjs-core';

const ALIGNMENT = 32;
const TYPES = { uint32: 4, float32: 6, string: 8, array: 9 } as const;
const padding = (length: number): Buffer => Buffer.alloc((ALIGNMENT - (length % ALIGNMENT)) % ALIGNMENT);

type Value = [type: 'uint32' | 'float32', value: number] | [type: 'string', value: string] | [type: 'array', value: readonly string[]];

function metadata(c: MambaConfig): Record<string, Value> {
  return {
    'general.architecture': ['string', 'mamba'],
    'general.name': ['string', 'random weights'],
    'mamba.context_length': ['uint32', 1 << 20],
    'mamba.embedding_length': ['uint32', c.hiddenSize],
    'mamba.feed_forward_length': ['uint32', 0],
    'mamba.attention.head_count': ['uint32', 0],
    'mamba.block_count': ['uint32', c.numHiddenLayers],
    'mamba.ssm.conv_kernel': ['uint32', c.convKernel],
    'mamba.ssm.inner_size': ['uint32', c.innerSize],
    'mamba.ssm.state_size': ['uint32', c.stateSize],
    'mamba.ssm.time_step_rank': ['uint32', c.timeStepRank],
    'mamba.attention.layer_norm_rms_epsilon': ['float32', c.layerNormEpsilon],
    'tokenizer.ggml.model': ['string', 'gpt2'],
    'tokenizer.ggml.tokens': ['array', Array.from({ length: c.vocabSize }, (_, id) => String(id))],
    'tokenizer.ggml.merges': ['array', []],
  };
}

/** Names in llama.cpp; the head is the embedding. */
function tensorsOf(params: MambaParams): [string, Tensor | undefined][] {
  const layers = params.layers.flatMap(({ norm, mixer }, l): [string, Tensor | undefined][] => [
    [`blk.${l}.attn_norm.weight`, norm],
    [`blk.${l}.ssm_in.weight`, mixer.inProj.weight],
    [`blk.${l}.ssm_conv1d.weight`, mixer.conv1d.weight],
    [`blk.${l}.ssm_conv1d.bias`, mixer.conv1d.bias],
    [`blk.${l}.ssm_x.weight`, mixer.xProj],
    [`blk.${l}.ssm_dt.weight`, mixer.dtProj.weight],
    [`blk.${l}.ssm_dt.bias`, mixer.dtProj.bias],
    [`blk.${l}.ssm_a`, mixer.aLog],
    [`blk.${l}.ssm_d`, mixer.D],
    [`blk.${l}.ssm_out.weight`, mixer.outProj.weight],
  ]);
  return [['token_embd.weight', params.embeddings], ['output_norm.weight', params.normF], ...layers];
}

const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};
const u64 = (value: number): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
};
const string = (value: string): Buffer => Buffer.concat([u64(Buffer.byteLength(value)), Buffer.from(value)]);

function valueBytes([type, value]: Value): Buffer {
  if (type === 'string') return string(value);
  if (type === 'array') return Buffer.concat([u32(TYPES.string), u64(value.length), ...value.map(string)]);
  return type === 'uint32' ? u32(value) : Buffer.from(Float32Array.of(value).buffer);
}

/** Sizes are listed fastest first; ones in between, as a convolution's filters have, are left out. */
const sizesOf = ({ shape, rank }: Tensor): number[] => shape.filter((size, i) => size > 1 || i === 0 || i === rank - 1).reverse();

export async function writeGguf(file: string, params: MambaParams, config: MambaConfig): Promise<void> {
  const tensors = tensorsOf(params).filter((entry): entry is [string, Tensor] => entry[1] !== undefined);
  const entries = Object.entries(metadata(config));
  const keys = entries.flatMap(([key, value]) => [string(key), u32(TYPES[value[0]]), valueBytes(value)]);
  let offset = 0;
  const infos = tensors.map(([name, tensor]) => {
    const sizes = sizesOf(tensor);
    const info = Buffer.concat([string(name), u32(sizes.length), ...sizes.map(u64), u32(0), u64(offset)]);
    offset += 4 * tensor.size + padding(4 * tensor.size).length;
    return info;
  });
  const head = Buffer.concat([Buffer.from('GGUF'), u32(3), u64(tensors.length), u64(entries.length), ...keys, ...infos]);
  const out = openSync(file, 'w');
  try {
    writeFileSync(out, Buffer.concat([head, padding(head.length)]));
    for (const [name, tensor] of tensors) {
      const values = await valuesOf(tensor, name.endsWith('.ssm_a'));
      writeFileSync(out, values);
      writeFileSync(out, padding(values.byteLength));
    }
  } finally {
    closeSync(out);
  }
}

/** The peers keep A = −exp(A_log). */
export async function valuesOf(tensor: Tensor, isLogOfA: boolean): Promise<Float32Array> {
  if (!isLogOfA) return (await tensor.data()) as Float32Array;
  const A = tidy(() => neg(exp(tensor)));
  const values = await A.data();
  A.dispose();
  return values as Float32Array;
}
