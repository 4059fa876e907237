import type { Piece } from './piece';

/** Ends a document within a plain text file, with the line that it stands on: the mark that GPT-2's data uses. */
export const DOCUMENT_BORDER = '<|endoftext|>';
/** The border and a line end on both sides. */
const LOOK_AHEAD = DOCUMENT_BORDER.length + 4;

/** Cuts a text that comes in pieces at its borders. */
export async function* plainTextPieces(text: AsyncIterable<string>): AsyncGenerator<Piece> {
  let buffer = '';
  let isFirst = true;
  function* emit(piece: string): Generator<Piece> {
    if (piece === '') return;
    yield { text: piece, isFirst };
    isFirst = false;
  }
  function* cut(isLast: boolean): Generator<Piece> {
    for (;;) {
      const at = buffer.indexOf(DOCUMENT_BORDER);
      if (at < 0 || (!isLast && at + LOOK_AHEAD > buffer.length)) break;
      yield* emit(buffer.slice(0, at).replace(/\r?\n$/, ''));
      isFirst = true;
      buffer = buffer.slice(at + DOCUMENT_BORDER.length).replace(/^\r?\n/, '');
    }
    const sure = isLast ? buffer.length : wholeCharacters(buffer, buffer.length - LOOK_AHEAD);
    yield* emit(buffer.slice(0, sure));
    buffer = buffer.slice(sure);
  }
  for await (const piece of text) {
    buffer += piece;
    yield* cut(false);
  }
  yield* cut(true);
}

/** A length not above the wanted one, from 0, that cuts no surrogate pair. */
export function wholeCharacters(text: string, wanted: number): number {
  if (wanted <= 0) return 0;
  const last = text.charCodeAt(wanted - 1);
  return last >= 0xd800 && last < 0xdc00 ? wanted - 1 : wanted;
}
