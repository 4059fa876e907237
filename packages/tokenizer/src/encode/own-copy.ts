/** From this length on V8 cuts strings by pointing into the whole. */
const SLICED = 13;

/** The same text in memory of its own: a slice kept for long would keep alive the whole text that it was cut from. */
export function ownCopy(piece: string): string {
  if (piece.length < SLICED) return piece;
  let copy = '';
  for (let at = 0; at < piece.length; at += CHUNK) {
    const units: number[] = [];
    for (let i = at; i < Math.min(at + CHUNK, piece.length); i++) units.push(piece.charCodeAt(i));
    copy += String.fromCharCode(...units);
  }
  return copy;
}

/** Arguments that a call can surely take. */
const CHUNK = 4096;
