import type { AddedToken } from './encode/added-tokens';
import type { Frame } from './encode/post-processor';
import { isObject, type JsonReader } from './json';
import type { Model } from './models/model';
import type { SpecialIds } from './tokenizer';

/**
 * The tokens of a tokenizer.json that are looked for in the text. Their ids are those of the model where it knows them and
 * follow its last one where it does not, in the order of the file, whatever ids stand there: as the reference has it.
 * @throws TokenizerError FILE
 */
export function readAddedTokens(file: JsonReader, vocab: ReadonlyMap<string, number>): AddedToken[] {
  const tokens = new Map<string, AddedToken>();
  let nextId = vocab.size;
  for (const reader of file.has('added_tokens') ? file.objects('added_tokens') : []) {
    const content = reader.string('content');
    if (content === '') continue;
    const special = reader.boolean('special', false);
    tokens.set(content, {
      id: tokens.get(content)?.id ?? vocab.get(content) ?? nextId++,
      content,
      singleWord: reader.boolean('single_word', false),
      lstrip: reader.boolean('lstrip', false),
      rstrip: reader.boolean('rstrip', false),
      normalized: reader.boolean('normalized', !special),
      special,
    });
  }
  return [...tokens.values()];
}

/** What other files may say of special tokens: tokenizer_config.json, special_tokens_map.json. */
export type Naming = Readonly<Record<string, unknown>>;

/** Names that were given to such tokens so often that they say what they are; asked only where no file says it. */
const USUAL: Readonly<Record<'bos' | 'eos' | 'pad', readonly string[]>> = {
  bos: ['<s>', '<bos>', '<|begin_of_text|>', '<|startoftext|>', '[BOS]', '<|endoftext|>'],
  eos: ['</s>', '<eos>', '<|end_of_text|>', '<|endoftext|>', '[EOS]', '<|im_end|>'],
  pad: ['<pad>', '[PAD]', '<|padding|>', '<|pad|>', '<|finetune_right_pad_id|>'],
};

export interface SpecialSources {
  namings: readonly Naming[];
  added: readonly AddedToken[];
  frame: Frame;
  model: Model;
  idOf(token: string): number | null;
}

/**
 * The ids with a meaning. A naming counts first, and its null means none; then the id with which a framed text begins or
 * ends, the model's own unknown token, a usual name among the special tokens.
 */
export function findSpecialIds({ namings, added, frame, model, idOf }: SpecialSources): SpecialIds {
  const specials = new Set(added.filter(({ special }) => special).map(({ content }) => content));
  const usual = (kind: keyof typeof USUAL): number | null => {
    const name = USUAL[kind].find((one) => specials.has(one));
    return name === undefined ? null : idOf(name);
  };
  const named = (kind: string): number | null | undefined => {
    for (const naming of namings) {
      const value = naming[`${kind}_token`];
      if (value === null) return null;
      const content = isObject(value) ? value.content : value;
      if (typeof content === 'string') return idOf(content);
    }
    return undefined;
  };
  const pick = (kind: string, other: () => number | null): number | null => {
    const id = named(kind);
    return id === undefined ? other() : id;
  };
  return {
    bos: pick('bos', () => frame.before[0] ?? usual('bos')),
    eos: pick('eos', () => frame.after[0] ?? usual('eos')),
    pad: pick('pad', () => usual('pad')),
    unk: pick('unk', () => (model.unknown === null ? null : idOf(model.unknown))),
  };
}
