import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DOCUMENT_BORDER, plainTextPieces } from './plain-text';
import { utf8Text } from './utf8';

async function* chunks(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.slice(at, at + size);
}

async function textOf(bytes: Uint8Array, size: number): Promise<string> {
  let text = '';
  for await (const piece of utf8Text(chunks(bytes, size), 'file.txt')) {
    expect(piece.includes('\uFFFD')).toBe(false);
    text += piece;
  }
  return text;
}

describe('UTF-8', () => {
  const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 30 });

  it('is the same text however its bytes come', async () => {
    await fc.assert(
      fc.asyncProperty(text, fc.integer({ min: 1, max: 5 }), async (expected, size) => {
        fc.pre(!expected.includes('\uFFFD') && !expected.startsWith('\uFEFF'));
        expect(await textOf(Buffer.from(expected), size)).toBe(expected);
      }),
      { numRuns: 100, seed: 1 },
    );
  });

  it('names the first byte that is wrong, however the bytes come', async () => {
    await fc.assert(
      fc.asyncProperty(text, text, fc.constantFrom(0xff, 0x80, 0xc0), fc.integer({ min: 1, max: 5 }), async (before, after, bad, size) => {
        const head = Buffer.from(before);
        const bytes = Buffer.concat([head, Buffer.from([bad]), Buffer.from(after)]);
        await expect(textOf(bytes, size)).rejects.toThrow(`byte 0x${bad.toString(16)} at offset ${head.length}`);
      }),
      { numRuns: 50, seed: 2 },
    );
  });

  it('loses its byte order mark', async () => {
    expect(await textOf(Buffer.from('\uFEFFabc'), 1)).toBe('abc');
  });
});

describe('plain text', () => {
  async function documents(text: string, size: number): Promise<string[]> {
    const all: string[] = [];
    async function* pieces(): AsyncGenerator<string> {
      for (let at = 0; at < text.length; at += size) yield text.slice(at, at + size);
    }
    for await (const { text: part, isFirst } of plainTextPieces(pieces())) all.push(isFirst ? part : `${all.pop()}${part}`);
    return all;
  }

  it('is cut at its borders, however it comes', async () => {
    const parts = fc.array(fc.string({ unit: fc.constantFrom('a', '\n', '<', '|', 'e', ' '), maxLength: 12 }), {
      minLength: 1,
      maxLength: 5,
    });
    await fc.assert(
      fc.asyncProperty(parts, fc.integer({ min: 1, max: 40 }), async (list, size) => {
        const text = list.join(`\n${DOCUMENT_BORDER}\n`);
        expect(await documents(text, size)).toEqual(list.filter((part) => part !== ''));
      }),
      { numRuns: 200, seed: 3 },
    );
  });

  it('keeps its other line ends', async () => {
    expect(await documents(`one\r\n\r\n${DOCUMENT_BORDER}\r\n\r\ntwo\r\n`, 3)).toEqual(['one\r\n', '\r\ntwo\r\n']);
  });
});
