import { mkdtemp, open, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SsmError } from '@densessm/ssm-core';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HEADER_BYTES, PAGE_BYTES } from './format';
import { TokenFile } from './token-file';
import { TokenWriter } from './token-writer';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tokens-'));
  path = join(folder, 'tokens.bin');
});
afterEach(() => rm(folder, { recursive: true }));

const facts = { fingerprint: 'of these', separator: 7, vocabSize: 0, characters: 12, skippedLines: 3 };

/** Token `i` is a number that tells places apart. */
const token = (i: number, vocabSize: number): number => (i * 7919) % vocabSize;

async function write(count: number, vocabSize: number, starts: readonly number[] = [0], chunk = 10_000): Promise<void> {
  const writer = await TokenWriter.create(path, vocabSize);
  const cuts = [...new Set([...starts, ...Array.from({ length: Math.ceil(count / chunk) }, (_, i) => i * chunk), count])].sort(
    (a, b) => a - b,
  );
  for (const [i, cut] of cuts.entries()) {
    if (starts.includes(cut)) writer.startDocument();
    await writer.write(Array.from({ length: (cuts[i + 1] ?? cut) - cut }, (_, k) => token(cut + k, vocabSize)));
  }
  await writer.finish({ ...facts, vocabSize });
}

async function opened(): Promise<TokenFile> {
  const file = await TokenFile.open(path, 'of these');
  expect(file).toBeDefined();
  return file as TokenFile;
}

/** Changes one byte. */
async function damage(at: number): Promise<void> {
  const file = await open(path, 'r+');
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, at);
  await file.write(Buffer.from([(buffer[0] as number) ^ 1]), 0, 1, at);
  await file.close();
}

describe('a file of tokens', () => {
  it.each([300, 65_536, 65_537])('gives back what was written, with a vocabulary of %i', async (vocabSize) => {
    const count = 100_003; // three pages and more, or six
    await write(count, vocabSize, [0, 1, 50_000, count - 1]);
    const file = await opened();
    expect([file.length, file.separator, Array.from(file.documentStarts)]).toEqual([count, 7, [0, 1, 50_000, count - 1]]);
    await fc.assert(
      fc.asyncProperty(fc.nat(count), fc.nat(40_000), async (start, wanted) => {
        const length = Math.min(wanted, count - start);
        const got = await file.read(start, length);
        expect(got.length).toBe(length);
        for (let i = 0; i < length; i++) if (got[i] !== token(start + i, vocabSize)) expect.unreachable(`position ${start + i}`);
      }),
      { numRuns: 30, seed: 1 },
    );
    await expect(file.read(count - 1, 2)).rejects.toThrow(SsmError);
    await file.close();
  });

  it('is laid out as DATA.md says', async () => {
    await write(5, 300, [0, 3]);
    const bytes = await readFile(path);
    expect(bytes.toString('latin1', 0, 8)).toBe('SSMTOKEN');
    const header = JSON.parse(bytes.toString('utf8', 16, 16 + bytes.readUInt32LE(8)));
    expect(header).toMatchObject({ version: 1, bytesPerToken: 2, tokens: 5, documents: 2, separator: 7, vocabSize: 300 });
    expect(Array.from({ length: 5 }, (_, i) => bytes.readUInt16LE(HEADER_BYTES + 2 * i))).toEqual(
      [0, 1, 2, 3, 4].map((i) => token(i, 300)),
    );
    expect([0, 1].map((i) => bytes.readDoubleLE(HEADER_BYTES + 10 + 8 * i))).toEqual([0, 3]);
    expect(bytes.length).toBe(HEADER_BYTES + 10 + 16 + 4);
  });

  it.each([
    ['its header', () => damage(20)],
    ['its tokens', () => damage(HEADER_BYTES + 70_000)],
    ['its documents', () => damage(HEADER_BYTES + 200_001)],
    ['its last bytes', () => damage(HEADER_BYTES + 200_000 + 8 + 2)],
    ['its length', () => truncate(path, HEADER_BYTES + 1000)],
    ['all of it', () => writeFile(path, '')],
  ])('has to be made anew where %s is damaged', async (_, spoil) => {
    await write(100_000, 300);
    await (await opened()).close();
    await spoil();
    expect(await TokenFile.open(path, 'of these')).toBeUndefined();
  });

  it('has to be made anew where it is of other data, or not there', async () => {
    expect(await TokenFile.open(path, 'of these')).toBeUndefined();
    await write(10, 300);
    expect(await TokenFile.open(path, 'of others')).toBeUndefined();
  });

  it('says so where it is damaged while it is read', async () => {
    await write(400_000, 300);
    const file = await opened();
    await file.read(0, 1);
    await damage(HEADER_BYTES + PAGE_BYTES * 10);
    await expect(file.read((PAGE_BYTES / 2) * 10, 5)).rejects.toThrow(/is damaged/);
    await file.read(0, 5);
    await file.close();
  });

  it('is not there before it is whole', async () => {
    const writer = await TokenWriter.create(path, 300);
    await writer.write([1, 2, 3]);
    expect(await TokenFile.open(path, 'of these')).toBeUndefined();
    await writer.discard();
    expect(await TokenFile.open(path, 'of these')).toBeUndefined();
  });
});
