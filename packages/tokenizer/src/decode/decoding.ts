import type { AddedToken } from '../encode/added-tokens';
import type { Normalizer } from '../encode/normalizer';
import { shown, TokenizerError } from '../errors';
import type { Model } from '../models/model';
import type { DecodeOptions, DecodeStream, DecodeStreamOptions, Tokenizer } from '../tokenizer';
import { type Stage, TextSink } from './stage';
import type { DecoderMaker } from './stages';

export interface DecodingParts {
  model: Model;
  added: readonly AddedToken[];
  normalize: Normalizer;
  decoder: DecoderMaker;
}

export type Decoding = Pick<Tokenizer, 'vocabSize' | 'decode' | 'decodeStream' | 'tokenToId' | 'idToToken' | 'isSpecial'>;

/** The half of a tokenizer that turns ids into text. */
export function decoding({ model, added, normalize, decoder }: DecodingParts): Decoding {
  const tokens: (string | undefined)[] = [];
  for (const [token, id] of model.vocab) tokens[id] = token;
  for (const { id, content } of added) tokens[id] = content;
  const written = writtenForms(tokens, added, normalize);
  const ids = new Map(added.map(({ content, id }) => [content, id]));
  const specials = new Set(added.filter(({ special }) => special).map(({ id }) => id));
  const decodeStream = (options: DecodeStreamOptions = {}): DecodeStream => new Stream(written, decoder, options);
  return {
    vocabSize: tokens.length,
    decodeStream,
    decode: (all, options: DecodeOptions = {}) => {
      const stream = decodeStream({ ...options, eager: false });
      return stream.push(all) + stream.end();
    },
    tokenToId: (token) => ids.get(token) ?? model.vocab.get(token) ?? null,
    idToToken: (id) => tokens[id] ?? null,
    isSpecial: (id) => specials.has(id),
  };
}

/** What decoding reads for each id. */
interface WrittenForms {
  forms: readonly (string | undefined)[];
  /** Ids that may be left out. */
  skipped: ReadonlySet<number>;
}

/**
 * A token that is looked for in the normalized text is decoded from its normalized form, since the decoder undoes the
 * normalizer: LLaMA's `▁<s>` gives the space before it back. A form that is no special token's name is never left out.
 * So Hugging Face's tokenizers do it since 0.23.
 */
function writtenForms(tokens: readonly (string | undefined)[], added: readonly AddedToken[], normalize: Normalizer): WrittenForms {
  const forms = [...tokens];
  const names = new Set(added.filter(({ special }) => special).map(({ content }) => content));
  const skipped = new Set<number>();
  for (const { id, content, normalized } of added) {
    const form = normalized ? normalize(content) : content;
    forms[id] = form;
    if (names.has(form)) skipped.add(id);
  }
  return { forms, skipped };
}

class Stream implements DecodeStream {
  readonly #written: WrittenForms;
  readonly #decoder: DecoderMaker;
  readonly #options: DecodeStreamOptions;
  readonly #sink = new TextSink();
  #stage: Stage;

  constructor(written: WrittenForms, decoder: DecoderMaker, options: DecodeStreamOptions) {
    this.#written = written;
    this.#decoder = decoder;
    this.#options = options;
    this.#stage = this.#begin();
  }

  push(ids: number | Iterable<number>): string {
    if (typeof ids === 'number') this.#pushOne(ids);
    else for (const id of iterable(ids)) this.#pushOne(id);
    this.#stage.flush();
    return this.#sink.take();
  }

  end(): string {
    this.#stage.end();
    this.#stage = this.#begin();
    return this.#sink.take();
  }

  #begin(): Stage {
    return this.#decoder(this.#sink, { eager: this.#options.eager ?? false });
  }

  #pushOne(id: number): void {
    const form = typeof id === 'number' ? this.#written.forms[id] : undefined;
    if (form === undefined) this.#refuse(id);
    else if (!this.#options.skipSpecialTokens || !this.#written.skipped.has(id)) this.#stage.push(form);
  }

  #refuse(id: number): void {
    if (this.#options.unknownIds === 'skip' && Number.isInteger(id) && id >= 0) return;
    throw new TokenizerError({
      code: 'TOKENS',
      what: 'decode: an id is not in the vocabulary.',
      expected: `an integer from 0 to ${this.#written.forms.length - 1} that has a token`,
      got: shown(id),
      fix: "check that model and tokenizer belong together; a model with more rows than tokens decodes with `unknownIds: 'skip'`",
    });
  }
}

function iterable(ids: Iterable<number>): Iterable<number> {
  if (typeof ids === 'object' && ids !== null && Symbol.iterator in ids) return ids;
  throw new TokenizerError({
    code: 'TOKENS',
    what: 'decode: the ids are no list.',
    expected: 'an id, or a list of ids',
    got: shown(ids),
    fix: 'pass an array or a typed array of ids',
  });
}
