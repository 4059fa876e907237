import type { Model } from '../models/model';
import type { AddedToken } from './added-tokens';
import { type SectionCutter, sectionCutter } from './added-tokens';
import { bytesAsText } from './byte-alphabet';
import type { Normalizer } from './normalizer';
import { ownCopy } from './own-copy';
import type { PreTokenizing } from './pre-tokenizer';

/** Pieces whose ids are kept, and the longest such piece in UTF-16 units. */
const CACHE_SIZE = 2 ** 15;
const CACHED_LENGTH = 64;

export interface EncoderParts {
  added: readonly AddedToken[];
  normalize: Normalizer;
  preTokenizing: PreTokenizing;
  model: Model;
}

/** Text to ids: added tokens, normalizer, added tokens that are normalized, pre-tokenizer, model. */
export class Encoder {
  readonly #parts: EncoderParts;
  readonly #cutRaw: SectionCutter;
  readonly #cutNormalized: SectionCutter;
  /** Words come again and again: the ids of those seen, by the piece of text. */
  readonly #cache = new Map<string, readonly number[]>();

  constructor(parts: EncoderParts) {
    this.#parts = parts;
    this.#cutRaw = sectionCutter(
      parts.added.filter(({ normalized }) => !normalized),
      (content) => content,
    );
    this.#cutNormalized = sectionCutter(
      parts.added.filter(({ normalized }) => normalized),
      parts.normalize,
    );
  }

  /** Appends the ids of a text. */
  encode(text: string, specialsAsText: boolean, ids: number[]): void {
    for (const raw of this.#cutRaw(text, specialsAsText)) {
      if (typeof raw === 'number') {
        ids.push(raw);
        continue;
      }
      for (const section of this.#cutNormalized(this.#parts.normalize(raw.text), specialsAsText)) {
        if (typeof section === 'number') ids.push(section);
        else this.#encodeSection(section.text, raw.atStart && section.atStart, ids);
      }
    }
  }

  #encodeSection(text: string, atStart: boolean, ids: number[]): void {
    const { preTokenizing, model } = this.#parts;
    const { cut } = model;
    for (const piece of preTokenizing.split(text, atStart)) {
      if (cut === null || preTokenizing.asBytes || piece.length <= CACHED_LENGTH) this.#encodePiece(piece, ids);
      else for (const part of cut(piece)) this.#encodePiece(part, ids);
    }
  }

  #encodePiece(piece: string, ids: number[]): void {
    const known = this.#cache.get(piece);
    if (known) {
      for (const id of known) ids.push(id);
      return;
    }
    const start = ids.length;
    this.#parts.model.encode(this.#parts.preTokenizing.asBytes ? bytesAsText(piece) : piece, ids);
    if (piece.length > CACHED_LENGTH) return;
    if (this.#cache.size >= CACHE_SIZE) this.#cache.clear();
    this.#cache.set(ownCopy(piece), ids.slice(start));
  }
}
