import { configText } from '../config-text';
import { withQuantization } from '../quantized/config';
import { paramsSource, type SaveDtype, type SaveOptions } from '../save-params';
import { safetensorsPieces } from '../write';
import { CONFIG_FILE, type LoadedModel } from './load';
import { planShards } from './shards';

export interface SavePretrainedOptions extends SaveOptions {
  /** Weights beyond this go into several files with an index. 5 GB unless said otherwise. */
  maxShardBytes?: number;
}

/** A file to be written, one tensor in memory at a time. */
export interface PretrainedFile {
  readonly name: string;
  readonly pieces: AsyncIterable<Uint8Array>;
}

const MAX_SHARD_BYTES = 5e9;
const DTYPE_NAMES: Readonly<Record<SaveDtype, string>> = {
  ...{ F32: 'float32', F16: 'float16', BF16: 'bfloat16' },
  ...{ INT8: 'float32', INT4: 'float32' }, // of what is not quantized
};

/**
 * The files of a model in Hugging Face layout, as its reference implementation names and shapes things: weights first,
 * then their index if there are several files, config.json last.
 * @throws SsmError WEIGHTS where the params do not belong to the config, OPTION for a shard size that cannot be
 */
export function pretrainedFiles({ model, config, params }: LoadedModel, options: SavePretrainedOptions = {}): PretrainedFile[] {
  const { dtype = 'F32', maxShardBytes = MAX_SHARD_BYTES } = options;
  const source = paramsSource(model.spec(config), params as never, { dtype });
  const { files, index } = planShards(source.tensors, maxShardBytes);
  const weights = [...files].map(([name, tensors]) => ({ name, pieces: safetensorsPieces({ tensors, read: source.read }) }));
  const indexFile = index && { name: 'model.safetensors.index.json', pieces: textPieces(`${JSON.stringify(index, null, 2)}\n`) };
  const configFile = { name: CONFIG_FILE, pieces: textPieces(configText(withDtype(model.configToJson(config), dtype))) };
  return [...weights, ...(indexFile ? [indexFile] : []), configFile];
}

/** A config that says in which element type the weights lie must not say another: transformers loads in the one it names. */
function withDtype(json: Record<string, unknown>, dtype: SaveDtype): Record<string, unknown> {
  const key = ['dtype', 'torch_dtype'].find((one) => typeof json[one] === 'string');
  const named = key === undefined ? json : { ...json, [key]: DTYPE_NAMES[dtype] };
  return dtype === 'INT8' || dtype === 'INT4' ? withQuantization(named, { bits: dtype === 'INT8' ? 8 : 4 }) : named;
}

async function* textPieces(text: string): AsyncGenerator<Uint8Array> {
  yield new TextEncoder().encode(text);
}
