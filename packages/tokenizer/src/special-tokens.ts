import { type ClaimedToken, type CompanionTokens, contentOf, type Naming, readToken } from './companion-tokens';
import type { AddedToken } from './encode/added-tokens';
import type { Frame } from './encode/post-processor';
import { shown } from './errors';
import type { JsonReader } from './json';
import type { Model } from './models/model';
import type { SpecialIds } from './tokenizer';

export interface AddedTokens {
  tokens: readonly AddedToken[];
  /** Companion files added tokens or changed their flags. */
  isChanged: boolean;
  warnings: readonly string[];
}

/**
 * The tokens that are looked for in the text: those of a tokenizer.json, then those that only companion files name. Ids are
 * those of the model where it knows the token and otherwise follow the greatest, whatever ids stand in the files: as
 * AddedVocabulary of Hugging Face's tokenizers and transformers 5 have it.
 * @throws TokenizerError FILE
 */
export function readAddedTokens(file: JsonReader, vocab: ReadonlyMap<string, number>, companions: CompanionTokens): AddedTokens {
  const table = new AddedTokenTable(vocab);
  for (const reader of file.has('added_tokens') ? file.objects('added_tokens') : []) table.add(readToken(reader));
  table.isChanged = false;
  const warnings: string[] = [];
  const { listed, named, roles, naming } = companions;
  for (const token of listed) {
    const id = table.add({ ...token, special: token.special || roles.has(token.content) });
    if (id !== undefined && id !== token.claimedId)
      warnings.push(`the added token ${shown(token.content)} has the id ${id}, as in transformers; its file says ${token.claimedId}`);
  }
  for (const token of named) {
    if (table.has(token.content)) table.markSpecial(token.content, roles);
    else if (!vocab.has(token.content)) warnings.push(...newName(token, table.add(token), naming));
    else table.add(token);
  }
  return { tokens: table.tokens(), isChanged: table.isChanged, warnings };
}

/** Says that a name got an id of its own: a model may have no row for it. */
function newName({ content }: ClaimedToken, id: number | undefined, naming: Naming): string[] {
  if (id === undefined) return [];
  const role = Object.keys(naming).find((key) => key.endsWith('_token') && contentOf(naming[key]) === content) ?? 'a special token';
  return [`${role} ${shown(content)} was in no vocabulary and got the new id ${id}, as in transformers; a model may have no row for it`];
}

class AddedTokenTable {
  readonly #vocab: ReadonlyMap<string, number>;
  readonly #byContent = new Map<string, AddedToken>();
  /** Whether a token was added or got other flags since this was last set to false. */
  isChanged = false;
  #greatest = -1;

  constructor(vocab: ReadonlyMap<string, number>) {
    this.#vocab = vocab;
  }

  has(content: string): boolean {
    return this.#byContent.has(content);
  }

  tokens(): AddedToken[] {
    return [...this.#byContent.values()];
  }

  /** Adds a token or changes the flags of a known one; once special, a token stays it. Returns its id; none for an empty token. */
  add({ claimedId: _, ...token }: ClaimedToken): number | undefined {
    if (token.content === '') return undefined;
    const known = this.#byContent.get(token.content);
    const id = known?.id ?? this.#vocab.get(token.content) ?? Math.max(this.#greatest + 1, this.#vocab.size);
    this.#greatest = Math.max(this.#greatest, id);
    this.#set({ ...token, id, special: token.special || known?.special === true }, known);
    return id;
  }

  markSpecial(content: string, roles: ReadonlySet<string>): void {
    const token = this.#byContent.get(content);
    if (token && !token.special && roles.has(content)) this.#set({ ...token, special: true }, token);
  }

  #set(token: AddedToken, known: AddedToken | undefined): void {
    this.isChanged ||= (Object.keys(token) as (keyof AddedToken)[]).some((key) => token[key] !== known?.[key]);
    this.#byContent.set(token.content, token);
  }
}

/** Added tokens as they stand in a tokenizer.json. */
export const addedTokensJson = (tokens: readonly AddedToken[]): unknown[] =>
  tokens
    .toSorted((a, b) => a.id - b.id)
    .map(({ id, content, singleWord, lstrip, rstrip, normalized, special }) => {
      return { id, content, single_word: singleWord, lstrip, rstrip, normalized, special };
    });

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
      const content = contentOf(value);
      if (content !== undefined) return idOf(content);
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
