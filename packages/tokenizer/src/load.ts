import { TokenizerError } from './errors';
import { tokenizerFromJson } from './from-json';
import { isObject, parseJsonText } from './json';
import { tokenizerFromSentencePiece } from './sentencepiece/from-model';
import type { Tokenizer } from './tokenizer';

/** Reads a file of a model by its name, from wherever they are; null where there is none. */
export type ReadFile = (name: string) => Uint8Array | null | Promise<Uint8Array | null>;

/** Opens a file of a model; undefined where there is none. A `FileSet` of `@densessm/checkpoint` is one: what `openPretrained` returns. */
export interface ModelFiles {
  open(name: string): Promise<OpenFile | undefined>;
}

interface OpenFile {
  /** In bytes. */
  readonly size: number;
  read(offset: number, length: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

/**
 * The tokenizer of a model that lies in files as on the Hugging Face Hub: tokenizer.json, else tokenizer.model, together
 * with tokenizer_config.json, special_tokens_map.json and chat_template.jinja where they are.
 * @throws TokenizerError FILE where no file is there or one is broken, CONFIG where one asks for what is not supported
 */
export async function loadTokenizer(files: ReadFile | ModelFiles): Promise<Tokenizer> {
  const readFile = typeof files === 'function' ? files : (name: string) => wholeFile(files, name);
  const readText = async (name: string): Promise<string | undefined> => {
    const bytes = await readFile(name);
    return bytes === null ? undefined : new TextDecoder().decode(bytes);
  };
  const [configText, mapText, chatTemplate] = await Promise.all(COMPANIONS.map(readText));
  const config = configText === undefined ? undefined : parseJsonText('tokenizer_config.json', configText);
  const companions = { config, specialTokensMap: mapText, chatTemplate };
  const json = await readText('tokenizer.json');
  if (json !== undefined) return tokenizerFromJson(json, companions);
  const model = await readFile('tokenizer.model');
  if (model === null) throw noTokenizer();
  const { add_bos_token, add_eos_token } = isObject(config) ? config : {};
  return tokenizerFromSentencePiece(model, { ...companions, addBos: add_bos_token !== false, addEos: add_eos_token === true });
}

async function wholeFile(files: ModelFiles, name: string): Promise<Uint8Array | null> {
  const file = await files.open(name);
  if (file === undefined) return null;
  try {
    return await file.read(0, file.size);
  } finally {
    await file.close();
  }
}

const COMPANIONS = ['tokenizer_config.json', 'special_tokens_map.json', 'chat_template.jinja'] as const;

function noTokenizer(): TokenizerError {
  return new TokenizerError({
    code: 'FILE',
    what: 'loadTokenizer: the model has no tokenizer.',
    expected: 'tokenizer.json or tokenizer.model among its files',
    got: 'neither',
    fix: 'add the tokenizer of the model that this one was made from; state-spaces/mamba models use that of EleutherAI/gpt-neox-20b',
  });
}
