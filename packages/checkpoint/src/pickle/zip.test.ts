import { readFileSync } from 'node:fs';
import { SsmError } from '@densessm/ssm-core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { zipOf } from '../../fixtures/make-zip';
import type { ByteSource } from '../safetensors';
import { openTorchFile } from './torch-file';
import { readZip } from './zip';

const source = (file: Uint8Array): ByteSource => ({
  size: file.length,
  read: async (offset, length) => file.slice(offset, offset + length),
});
const entries = { 'a/data.pkl': Uint8Array.of(1, 2, 3), 'a/data/0': new Uint8Array(8) };

/** A zip file in which one field of one record is another: two bytes wide, or four where the value needs them. */
function lying(record: string, at: number, value: number): Uint8Array {
  return zipOf(entries, (view, kind) => {
    if (kind !== record) return;
    if (value > 0xffff) view.setUint32(at, value, true);
    else view.setUint16(at, value, true);
  });
}

const readAll = async (file: Uint8Array): Promise<void> => {
  const zip = await readZip('x.bin', source(file));
  for (const entry of zip.entries.values()) await zip.dataOffset(entry);
};

describe('a zip file', () => {
  it('lists its entries and where they begin', async () => {
    const file = zipOf(entries);
    const zip = await readZip('x.bin', source(file));
    for (const [name, bytes] of Object.entries(entries)) {
      const entry = zip.entries.get(name);
      const offset = entry && (await zip.dataOffset(entry));
      expect(file.slice(offset, (offset ?? 0) + (entry?.size ?? 0))).toEqual(bytes);
    }
  });

  it('may have a comment behind it', async () => {
    const file = zipOf(entries, (view, kind) => kind === 'end' && view.setUint16(20, 5, true));
    await expect(readAll(Uint8Array.from([...file, 1, 2, 3, 4, 5]))).resolves.toBeUndefined();
  });

  it('reads the wide fields of a large file', async () => {
    const views = new Uint8Array(readFileSync(new URL('../../fixtures/pickles/views.bin', import.meta.url)));
    const zip = await readZip('x.bin', source(views)); // torch always writes a zip64 end
    expect(zip.entries.get('views/byteorder')?.size).toBe(6);
  });

  it.each<[string, Uint8Array, RegExp]>([
    ['nothing', new Uint8Array(), /has no end/],
    ['a file cut before its end', zipOf(entries).slice(0, -1), /has no end/],
    ['a directory beyond the file', lying('end', 16, 0x7fffffff), /not where it should be/],
    ['a directory longer than the file', lying('end', 12, 0x7fffffff), /not where it should be/],
    ['more entries than fit', lying('end', 10, 0xffff), /not where it should be/],
    ['more entries than there are', lying('end', 10, 3), /not where it should be|entry 2 of the zip directory/],
    ['a name beyond the directory', lying('central a/data/0', 28, 0xffff), /entry 1 of the zip directory is broken/],
    ['an entry larger than the file', lying('central a/data/0', 24, 0x7fffffff), /two sizes/],
    ['an encrypted entry', lying('central a/data/0', 8, 1), /is encrypted/],
    ['a compressed entry', lying('central a/data/0', 10, 8), /is compressed/],
    ['an entry that begins elsewhere', lying('central a/data/0', 42, 1), /overlaps the entry behind it|does not begin/],
    ['an entry behind the directory', lying('central a/data/0', 42, 0x7fffffff), /leaves the zip file/],
    ['an entry whose header is another', lying('local a/data/0', 0, 0x12345678), /does not begin where the directory says/],
    ['an entry whose header is longer', lying('local a/data/0', 28, 0xffff), /does not begin where the directory says/],
    ['a name that is not UTF-8', zipOf(entries).map((byte) => (byte === 0x61 ? 0xff : byte)), /not UTF-8/],
  ])('is refused: %s', async (_, file, message) => {
    await expect(readAll(file)).rejects.toThrow(
      expect.objectContaining({ name: 'SsmError', code: 'FILE', message: expect.stringMatching(message) }),
    );
  });

  it('is refused where two entries have one name', async () => {
    const twice = zipOf({ ...entries, 'b/data.pkl': entries['a/data.pkl'] }).map((byte, i, all) =>
      byte === 0x62 && all[i + 1] === 0x2f ? 0x61 : byte,
    );
    await expect(readAll(twice)).rejects.toThrow(/"a\/data.pkl" twice/);
  });
});

describe('a mutated file of torch.save', () => {
  const originals = ['views', 'module', 'protocol4'].map(
    (name) => new Uint8Array(readFileSync(new URL(`../../fixtures/pickles/${name}.bin`, import.meta.url))),
  );
  const original = fc.constantFrom(...originals);
  const flipped = fc.tuple(original, fc.array(fc.nat(), { minLength: 1, maxLength: 8 })).map(([from, bits]) => {
    const file = from.slice();
    for (const bit of bits) file[(bit >> 3) % file.length] = (file[(bit >> 3) % file.length] as number) ^ (1 << (bit & 7));
    return file;
  });
  /** The pickle is the first third of these files: a byte there becomes another opcode or count. */
  const edited = fc.tuple(original, fc.nat(), fc.constantFrom(...'(.NKMJGXt)]}aesuqrhjcRbQio')).map(([from, at, code]) => {
    const file = from.slice();
    file[80 + (at % ((file.length / 3) | 0))] = code.charCodeAt(0);
    return file;
  });
  const cut = fc.tuple(original, fc.nat()).map(([from, at]) => from.subarray(0, at % from.length));
  const spliced = fc
    .tuple(original, original, fc.nat())
    .map(([a, b, at]) => Uint8Array.from([...a.slice(0, at % a.length), ...b.slice(at % b.length)]));

  it('gives tensors that lie inside the file, or our error', async () => {
    let [good, bad] = [0, 0];
    const check = async (file: Uint8Array): Promise<void> => {
      const read: ByteSource['read'] = async (offset, length) => {
        expect(offset >= 0 && offset + length <= file.length).toBe(true);
        return file.slice(offset, offset + length);
      };
      try {
        const opened = await openTorchFile({ size: file.length, read });
        for (const [name, { shape }] of opened.tensors) {
          const { bytes } = await opened.read(name);
          expect(
            bytes.length %
              Math.max(
                1,
                shape.reduce((product, size) => product * size, 1),
              ),
          ).toBe(0);
          expect(bytes.length).toBeLessThanOrEqual(file.length);
        }
        good++;
      } catch (error) {
        if (!(error instanceof SsmError && error.code === 'FILE')) throw error;
        bad++;
      }
    };
    await fc.assert(fc.asyncProperty(fc.oneof(flipped, edited, cut, spliced), check), { seed: 20240301, numRuns: 1500 });
    expect(good).toBeGreaterThan(100);
    expect(bad).toBeGreaterThan(500);
  });
});
