import { readChatTemplates, renderChat } from './chat-template';
import { type Decoding, decoding } from './decode/decoding';
import { readDecoder } from './decode/stages';
import { Encoder } from './encode/encoder';
import { readNormalizer } from './encode/normalizer';
import { type Frame, readFrame } from './encode/post-processor';
import { readPreTokenizing } from './encode/pre-tokenizer';
import { shown, TokenizerError } from './errors';
import { isObject, JsonReader, parseJsonText } from './json';
import { readModel } from './models/read-model';
import { findSpecialIds, type Naming, readAddedTokens } from './special-tokens';
import type { EncodeOptions, SpecialIds, Tokenizer } from './tokenizer';

/** The other files of a tokenizer, as text or parsed. */
export interface CompanionFiles {
  /** tokenizer_config.json: names of special tokens, chat templates. */
  config?: unknown;
  /** special_tokens_map.json: names of special tokens where the config has none. */
  specialTokensMap?: unknown;
  /** chat_template.jinja; counts before the config's template. */
  chatTemplate?: string;
}

/**
 * Reads a tokenizer.json, as text or parsed. Ids are those of Hugging Face's tokenizers 0.23.
 * @throws TokenizerError FILE where the file is broken, CONFIG where it asks for what is not supported
 */
export function tokenizerFromJson(json: unknown, companions: CompanionFiles = {}): Tokenizer {
  const file = JsonReader.of('tokenizer.json', typeof json === 'string' ? parseJsonText('tokenizer.json', json) : json);
  if (file.has('version') && file.json.version !== '1.0') throw file.unsupported('version', '"1.0"');
  const model = readModel(file.object('model'));
  const normalize = readNormalizer(file.optional('normalizer'));
  const added = readAddedTokens(file, model.vocab);
  const frame = readFrame(file.optional('post_processor'));
  const encoder = new Encoder({ added, normalize, model, preTokenizing: readPreTokenizing(file.optional('pre_tokenizer')) });
  const names = decoding({ model, added, normalize, decoder: readDecoder(file.optional('decoder')) });
  const config = asNaming('tokenizer_config.json', companions.config);
  const namings = [config, asNaming('special_tokens_map.json', companions.specialTokensMap)];
  const specialIds = findSpecialIds({ namings, added, frame, model, idOf: names.tokenToId });
  const templates = readChatTemplates(companions.chatTemplate ?? config.chat_template);
  return {
    ...names,
    specialIds,
    encode: (text, options) => encodeText(encoder, frame, text, options),
    applyChatTemplate: (messages, options = {}) => renderChat(templates, messages, options, templateTokens(names, specialIds, namings)),
    hasChatTemplate: templates.size > 0,
    toJSON: () => file.json,
  };
}

/** A parsed companion file; absent is empty. */
function asNaming(where: string, file: unknown): Naming {
  if (file === undefined || file === null) return {};
  return JsonReader.of(where, typeof file === 'string' ? parseJsonText(where, file) : file).json;
}

function encodeText(encoder: Encoder, frame: Frame, text: string, options: EncodeOptions = {}): number[] {
  if (typeof text !== 'string') throw notText(text);
  const { addSpecialTokens = true, specialTokensAsText = false } = options;
  const ids = addSpecialTokens ? [...frame.before] : [];
  encoder.encode(text.replace(LONE_SURROGATES, '\uFFFD'), specialTokensAsText, ids);
  if (addSpecialTokens) ids.push(...frame.after);
  return ids;
}

/** Halves of a character, which have no UTF-8: they are encoded as U+FFFD, as TextEncoder does. */
const LONE_SURROGATES = /\p{Surrogate}/gu;

function notText(got: unknown): TokenizerError {
  const fix = 'pass one string; encode several texts one by one';
  return new TokenizerError({ code: 'OPTION', what: 'encode: the text is no string.', expected: 'a string', got: shown(got), fix });
}

/** Special tokens under the names by which templates call them: `bos_token` and so on. */
function templateTokens({ idToToken }: Decoding, ids: SpecialIds, namings: readonly Naming[]): Record<string, string> {
  const tokens: Record<string, string> = {};
  for (const naming of namings.toReversed())
    for (const [key, value] of Object.entries(naming)) {
      const content = isObject(value) ? value.content : value;
      if (key.endsWith('_token') && typeof content === 'string') tokens[key] = content;
    }
  for (const kind of ['bos', 'eos', 'pad', 'unk'] as const) {
    const id = ids[kind];
    const token = id === null ? null : idToToken(id);
    if (token !== null) tokens[`${kind}_token`] = token;
  }
  return tokens;
}
