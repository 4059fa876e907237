/**
 * The alphabet of byte-level BPE (GPT-2, Radford et al. 2019, `bytes_to_unicode` of its encoder): each byte is written as one
 * visible character. Printable Latin-1 stands for itself; the other 68 bytes take U+0100 and up, in order.
 */
const isVisible = (byte: number): boolean => (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad);

function makeAlphabet(): string[] {
  let next = 0x100;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(isVisible(byte) ? byte : next++));
}

/** The character of each byte. */
export const BYTE_CHARACTERS: readonly string[] = /* @__PURE__ */ makeAlphabet();

/** The byte of a UTF-16 unit, or -1. */
const UNIT_BYTES: Int16Array = /* @__PURE__ */ (() => {
  const bytes = new Int16Array(0x144).fill(-1);
  BYTE_CHARACTERS.forEach((character, byte) => {
    bytes[character.charCodeAt(0)] = byte;
  });
  return bytes;
})();

const encoder = /* @__PURE__ */ new TextEncoder();

export const utf8 = (text: string): Uint8Array => encoder.encode(text);

/** Text as its UTF-8 bytes, each written as its character. */
export function bytesAsText(text: string): string {
  const bytes = utf8(text);
  if (bytes.length > SHORT) return longBytesAsText(bytes);
  let written = '';
  for (const byte of bytes) written += BYTE_CHARACTERS[byte];
  return written;
}

/** Bytes of a word; adding up many more characters one by one would make a rope. */
const SHORT = 64;

function longBytesAsText(bytes: Uint8Array): string {
  const units = Uint16Array.from(bytes, (byte) => CHARACTER_UNITS[byte] as number);
  const parts: string[] = [];
  for (let at = 0; at < units.length; at += 4096) parts.push(String.fromCharCode(...units.subarray(at, at + 4096)));
  return parts.join('');
}

const CHARACTER_UNITS: Uint16Array = /* @__PURE__ */ Uint16Array.from(BYTE_CHARACTERS, (character) => character.charCodeAt(0));

/** The bytes that a token stands for; a token with any other character stands for its own UTF-8. */
export function bytesOfToken(token: string): Uint8Array {
  const bytes = new Uint8Array(token.length);
  for (let i = 0; i < token.length; i++) {
    const byte = UNIT_BYTES[token.charCodeAt(i)] ?? -1;
    if (byte < 0) return utf8(token);
    bytes[i] = byte;
  }
  return bytes;
}

/** SentencePiece's name for a byte: `<0x0A>`. */
export const byteToken = (byte: number): string => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`;
