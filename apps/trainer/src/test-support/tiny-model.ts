import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { savePretrained } from '@densessm/runtime-node';
import { disposeTree, mapTree, modelFor } from '@densessm/ssm-core';
import { mulberry32 } from '@densessm/ssm-core/internal';
import { byteTokenizer, type Tokenizer } from '@densessm/tokenizer';
import { add, setBackend, tensor, tidy } from '@tensorflow/tfjs-core';
import { FAMILIES } from '../model/families';

/** Bytes, and a token that begins and ends a text. */
export const tinyTokenizer = (): Tokenizer => byteTokenizer({ specialTokens: ['<|endoftext|>'] });

export const TINY_MAMBA = { model_type: 'mamba', vocab_size: 257, hidden_size: 16, num_hidden_layers: 2, state_size: 4 };

export interface TinyModelOptions {
  config?: Record<string, unknown>;
  /** Null for none. */
  tokenizer?: Tokenizer | null;
  /** tokenizer_config.json. */
  tokenizerConfig?: Record<string, unknown>;
}

/** A temporary folder for the tests of one file. */
export async function testFolder(): Promise<{ path: string; remove: () => Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'densessm-cli-'));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

/** Writes a small random model, whose weights are large enough for a text to matter. */
export async function writeTinyModel(folder: string, options: TinyModelOptions = {}): Promise<string> {
  const { config: json = TINY_MAMBA, tokenizer = tinyTokenizer(), tokenizerConfig } = options;
  await setBackend('cpu');
  const model = modelFor(json, FAMILIES);
  const config = model.parseConfig(json);
  const random = mulberry32(5);
  const started = model.init(config, 1) as object;
  const params = mapTree(started, (one) =>
    tidy(() =>
      add(
        one,
        tensor(
          Float32Array.from({ length: one.size }, () => random() - 0.5),
          one.shape,
        ),
      ),
    ),
  );
  await mkdir(folder, { recursive: true });
  await savePretrained(folder, { model, config, params });
  if (tokenizer) await writeFile(join(folder, 'tokenizer.json'), JSON.stringify(tokenizer));
  if (tokenizerConfig) await writeFile(join(folder, 'tokenizer_config.json'), JSON.stringify(tokenizerConfig));
  disposeTree([started, params]);
  return folder;
}
