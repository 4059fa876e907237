import type { Piece } from '../reading/piece';
import { wholeCharacters } from '../reading/plain-text';

/** Characters of a piece that is encoded at once. */
const PIECE = 2 ** 16;
/** A text without a space between words for so long is cut anywhere. */
const MOST = 2 ** 20;
/** A space between two words or numbers: byte-level tokenizers never make one token of both, whatever else they do. */
const BETWEEN_WORDS = /[\p{L}\p{N}] (?=[\p{L}\p{N}])/gu;
/** How far back from the end of a piece to look for one. */
const LOOK_BACK = 4096;

/** Cuts long documents between words, so that the ids of the pieces are the ids of the whole. */
export async function* cutBetweenWords(pieces: AsyncIterable<Piece>): AsyncGenerator<Piece> {
  let held: Piece | undefined;
  for await (const piece of pieces) {
    if (held && piece.isFirst) yield held;
    const isFirst = held && !piece.isFirst ? held.isFirst : piece.isFirst;
    held = { text: held && !piece.isFirst ? held.text + piece.text : piece.text, isFirst };
    while (held.text.length > PIECE) {
      const end = cutBefore(held.text, PIECE);
      if (end === 0) break;
      yield { text: held.text.slice(0, end), isFirst: held.isFirst };
      held = { text: held.text.slice(end), isFirst: false };
    }
  }
  if (held) yield held;
}

/** Where to cut a text that is longer than `wanted`, just before a space; 0 where it should first grow. */
function cutBefore(text: string, wanted: number): number {
  for (let from = wanted - LOOK_BACK; from < text.length - 1; from += LOOK_BACK) {
    const window = text.slice(from, from + LOOK_BACK + 2);
    const last = [...window.matchAll(BETWEEN_WORDS)].at(-1);
    if (last) return from + last.index + last[0].length - 1;
  }
  return text.length > MOST ? wholeCharacters(text, MOST) : 0;
}
