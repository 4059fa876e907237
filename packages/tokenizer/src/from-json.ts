import { type ChatTemplates, readChatTemplates, renderChat } from './chat-template';
import { contentOf, type Naming, readCompanionTokens } from './companion-tokens';
import { type Decoding, decoding } from './decode/decoding';
import { readDecoder } from './decode/stages';
import { Encoder } from './encode/encoder';
import { readNormalizer } from './encode/normalizer';
import { type Frame, readFrame } from './encode/post-processor';
import { readPreTokenizing } from './encode/pre-tokenizer';
import { shown, TokenizerError } from './errors';
import { JsonReader, parseJsonText } from './json';
import { readModel } from './models/read-model';
import { addedTokensJson, findSpecialIds, readAddedTokens } from './special-tokens';
import type { EncodeOptions, SpecialIds, Tokenizer } from './tokenizer';

/** The other files of a tokenizer, as text or parsed. */
export interface CompanionFiles {
  /** tokenizer_config.json: added tokens, names of special tokens, chat templates. */
  config?: unknown;
  /** special_tokens_map.json: names of special tokens. It counts before the config, and not where that has an `added_tokens_decoder`. */
  specialTokensMap?: unknown;
  /** added_tokens.json: added tokens and their ids. It does not count where the config has an `added_tokens_decoder`. */
  addedTokens?: unknown;
  /** chat_template.jinja; counts before the config's template. */
  chatTemplate?: string;
  /** The files of additional_chat_templates by name, without `.jinja`; with them or `chatTemplate` the config's do not count. */
  additionalChatTemplates?: Readonly<Record<string, string>>;
}

/**
 * Reads a tokenizer.json, as text or parsed. Ids are those of Hugging Face's tokenizers 0.23.
 * @throws TokenizerError FILE where the file is broken, CONFIG where it asks for what is not supported
 */
export function tokenizerFromJson(json: unknown, companions: CompanionFiles = {}): Tokenizer {
  return buildTokenizer(json, companions, {});
}

/** As {@link tokenizerFromJson}; `defaults` names special tokens where no companion file does. */
export function buildTokenizer(json: unknown, companions: CompanionFiles, defaults: Naming): Tokenizer {
  const file = JsonReader.of('tokenizer.json', typeof json === 'string' ? parseJsonText('tokenizer.json', json) : json);
  if (file.has('version') && file.json.version !== '1.0') throw file.unsupported('version', '"1.0"');
  const model = readModel(file.object('model'));
  const normalize = readNormalizer(file.optional('normalizer'));
  const companionTokens = readCompanionTokens(companions);
  const { tokens: added, isChanged, warnings } = readAddedTokens(file, model.vocab, companionTokens);
  const frame = readFrame(file.optional('post_processor'));
  const encoder = new Encoder({ added, normalize, model, preTokenizing: readPreTokenizing(file.optional('pre_tokenizer')) });
  const names = decoding({ model, added, normalize, decoder: readDecoder(file.optional('decoder')) });
  const namings = [companionTokens.naming, defaults];
  const specialIds = findSpecialIds({ namings, added, frame, model, idOf: names.tokenToId });
  const templates = chatTemplates(companions, companionTokens.config);
  const content = isChanged ? { ...file.json, added_tokens: addedTokensJson(added) } : file.json;
  return {
    ...names,
    specialIds,
    warnings,
    encode: (text, options) => encodeText(encoder, frame, text, options),
    applyChatTemplate: (messages, options = {}) => renderChat(templates, messages, options, templateTokens(names, specialIds, namings)),
    hasChatTemplate: templates.size > 0,
    toJSON: () => content,
  };
}

/** Template files count before the config's templates, as in transformers. */
function chatTemplates({ chatTemplate, additionalChatTemplates = {} }: CompanionFiles, config: Naming): ChatTemplates {
  const files = Object.entries(additionalChatTemplates);
  if (files.length === 0) return readChatTemplates(chatTemplate ?? config.chat_template);
  return new Map([...readChatTemplates(chatTemplate), ...files]);
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
      const content = contentOf(value);
      if (key.endsWith('_token') && content !== undefined) tokens[key] = content;
    }
  for (const kind of ['bos', 'eos', 'pad', 'unk'] as const) {
    const id = ids[kind];
    const token = id === null ? null : idToToken(id);
    if (token !== null) tokens[`${kind}_token`] = token;
  }
  return tokens;
}
