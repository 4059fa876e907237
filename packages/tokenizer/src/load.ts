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
  /** The names of the files in a folder of the model; undefined where nobody can tell. */
  list?(folder: string): Promise<readonly string[] | undefined>;
}

interface OpenFile {
  /** In bytes. */
  readonly size: number;
  read(offset: number, length: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

/**
 * The tokenizer of a model that lies in files as on the Hugging Face Hub: tokenizer.json, else tokenizer.model, together
 * with tokenizer_config.json, special_tokens_map.json, added_tokens.json, chat_template.jinja and additional_chat_templates
 * where they are.
 * @throws TokenizerError FILE where no file is there or one is broken, CONFIG where one asks for what is not supported
 */
export async function loadTokenizer(files: ReadFile | ModelFiles): Promise<Tokenizer> {
  const readFile = typeof files === 'function' ? files : (name: string) => wholeFile(files, name);
  const readText = async (name: string): Promise<string | undefined> => {
    const bytes = await readFile(name);
    return bytes === null ? undefined : new TextDecoder().decode(bytes);
  };
  const [configText, specialTokensMap, addedTokens, chatTemplate] = await Promise.all(COMPANIONS.map(readText));
  const config = configText === undefined ? undefined : parseJsonText('tokenizer_config.json', configText);
  const additionalChatTemplates = await readTemplates(typeof files === 'function' ? {} : files, readText);
  const companions = { config, specialTokensMap, addedTokens, chatTemplate, additionalChatTemplates };
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

const COMPANIONS = ['tokenizer_config.json', 'special_tokens_map.json', 'added_tokens.json', 'chat_template.jinja'] as const;

const TEMPLATES = 'additional_chat_templates';
/** Names that transformers documents for templates, asked for where nobody can tell which files there are. */
const TEMPLATE_NAMES = ['tool_use.jinja', 'rag.jinja'];

/** The templates of the folder additional_chat_templates, by name. */
async function readTemplates(
  { list }: Partial<ModelFiles>,
  readText: (name: string) => Promise<string | undefined>,
): Promise<Record<string, string>> {
  const names = ((await list?.(TEMPLATES)) ?? TEMPLATE_NAMES).filter((name) => name.endsWith('.jinja'));
  const texts = await Promise.all(
    names.map(async (name) => [name.slice(0, -'.jinja'.length), await readText(`${TEMPLATES}/${name}`)] as const),
  );
  return Object.fromEntries(texts.filter((one): one is readonly [string, string] => one[1] !== undefined));
}

function noTokenizer(): TokenizerError {
  return new TokenizerError({
    code: 'FILE',
    what: 'loadTokenizer: the model has no tokenizer.',
    expected: 'tokenizer.json or tokenizer.model among its files',
    got: 'neither',
    fix: 'add the tokenizer of the model that this one was made from; state-spaces/mamba models use that of EleutherAI/gpt-neox-20b',
  });
}
