/** CRC-32 of zip files (PKWARE APPNOTE 6.3.10, section 4.4.7: polynomial 0xdebb20e3, reflected), four bytes at a time. */
import { type ByteSource, readExactly } from '../safetensors';
import { brokenFile } from './values';
import type { ZipEntry } from './zip';

/** tables[j][b] is the CRC of byte b followed by j zeros. */
const TABLES = /* @__PURE__ */ makeTables();

function makeTables(): readonly [Uint32Array, Uint32Array, Uint32Array, Uint32Array] {
  const first = Uint32Array.from({ length: 256 }, (_, byte) => {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
    return crc;
  });
  const next = (table: Uint32Array): Uint32Array => table.map((crc) => (crc >>> 8) ^ (first[crc & 0xff] as number));
  const second = next(first);
  const third = next(second);
  return [first, second, third, next(third)];
}

/** The CRC of some bytes after others whose CRC is `before`; 0 before the first. */
export function crc32(bytes: Uint8Array, before = 0): number {
  const [t0, t1, t2, t3] = TABLES;
  let crc = ~before;
  let i = 0;
  for (; i + 4 <= bytes.length; i += 4) {
    crc ^= (bytes[i] as number) | ((bytes[i + 1] as number) << 8) | ((bytes[i + 2] as number) << 16) | ((bytes[i + 3] as number) << 24);
    crc =
      (t3[crc & 0xff] as number) ^ (t2[(crc >>> 8) & 0xff] as number) ^ (t1[(crc >>> 16) & 0xff] as number) ^ (t0[crc >>> 24] as number);
  }
  for (; i < bytes.length; i++) crc = (crc >>> 8) ^ (t0[(crc ^ (bytes[i] as number)) & 0xff] as number);
  return ~crc >>> 0;
}

const PART_BYTES = 2 ** 20;

/** Checks an entry's bytes as they are read in order; what is skipped is read for it. Once checked, an entry costs nothing more. */
export class EntryCheck {
  #checked = 0;
  #crc = 0;

  constructor(
    readonly where: string,
    readonly source: ByteSource,
    readonly entry: ZipEntry,
    /** Where the entry's bytes begin. */
    readonly offset: number,
  ) {}

  /** @throws SsmError FILE where the entry is read to its end and its CRC is another */
  async read(from: number, length: number): Promise<Uint8Array> {
    await this.finish(from);
    const bytes = await readExactly(this.where, this.source, this.offset + from, length);
    if (from === this.#checked) this.#take(bytes);
    return bytes;
  }

  /** Reads on to a byte of the entry, its end unless said. */
  async finish(end: number = this.entry.size): Promise<void> {
    while (this.#checked < end) {
      const length = Math.min(PART_BYTES, end - this.#checked);
      this.#take(await readExactly(this.where, this.source, this.offset + this.#checked, length));
    }
  }

  #take(bytes: Uint8Array): void {
    this.#crc = crc32(bytes, this.#crc);
    this.#checked += bytes.length;
    const { name, size, crc } = this.entry;
    // torch.serialization.set_crc32_options(False) writes 0
    if (this.#checked < size || crc === 0 || this.#crc === crc) return;
    throw brokenFile(this.where, `the bytes of "${name.slice(0, 60)}" are damaged.`, `the CRC-32 ${hex(crc)}`, hex(this.#crc));
  }
}

const hex = (crc: number): string => crc.toString(16).padStart(8, '0');
