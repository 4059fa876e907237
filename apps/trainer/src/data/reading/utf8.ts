import { isUtf8 } from 'node:buffer';
import { dataError } from '../errors';

/** Text of a stream of bytes, piece by piece, none of which ends within a character. @throws SsmError FILE at the first byte that is no UTF-8 */
export async function* utf8Text(bytes: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<string> {
  let rest = Buffer.alloc(0);
  let offset = 0;
  for await (const chunk of bytes) {
    const all = rest.length > 0 ? Buffer.concat([rest, chunk]) : asBuffer(chunk);
    const end = completeLength(all);
    const part = all.subarray(0, end);
    if (!isUtf8(part)) throw notUtf8(name, offset, part);
    const text = part.toString('utf8');
    yield offset === 0 && text.startsWith('\uFEFF') ? text.slice(1) : text;
    offset += end;
    rest = Buffer.from(all.subarray(end));
  }
  if (rest.length > 0) throw notUtf8(name, offset, rest);
}

export const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** The error for bytes that are no UTF-8; `offset` is where they lie in the file. */
export function notUtf8(name: string, offset: number, bytes: Buffer): Error {
  const at = firstInvalid(bytes);
  const got = `byte 0x${(bytes[at] ?? 0).toString(16).padStart(2, '0')} at offset ${offset + at}`;
  const isUtf16 = offset === 0 && ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff));
  const from = isUtf16 ? 'UTF-16' : 'ITS-ENCODING';
  return dataError(`${name} is not UTF-8.`, 'text in UTF-8', got, `convert it, for example with iconv -f ${from} -t UTF-8`);
}

/** How many bytes there are before a character that has only begun. */
function completeLength(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] as number;
    if ((byte & 0xc0) === 0x80) continue; // goes on
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return length > back ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}

function firstInvalid(bytes: Buffer): number {
  let [good, bad] = [0, bytes.length];
  while (bad - good > 1) {
    const middle = (good + bad) >>> 1;
    const head = bytes.subarray(0, middle);
    if (isUtf8(head.subarray(0, completeLength(head)))) good = middle;
    else bad = middle;
  }
  return completeLength(bytes.subarray(0, good));
}
