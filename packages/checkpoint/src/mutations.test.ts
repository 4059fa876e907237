import { SsmError } from '@densessm/ssm-core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ArrayTensor, type ByteSource, openSafetensors, parseSafetensors, serializeSafetensors, tensorValues } from './index';

const original = serializeSafetensors(
  new Map<string, ArrayTensor>([
    ['layers.0.weight', { shape: [2, 3], values: new Float32Array(6) }],
    ['layers.0.bias', { shape: [3], values: new Float32Array(3) }],
    ['ids', { shape: [2], values: new Int32Array(2) }],
    ['wide', { shape: [1, 2], values: new Float64Array(2) }],
  ]),
);
const headerLength = Number(new DataView(original.buffer).getBigUint64(0, true));
const headerText = new TextDecoder().decode(original.subarray(8, 8 + headerLength));

function withHeader(text: string): Uint8Array {
  const header = new TextEncoder().encode(text);
  const file = new Uint8Array(8 + header.length + original.length - 8 - headerLength);
  new DataView(file.buffer).setBigUint64(0, BigInt(header.length), true);
  file.set(header, 8);
  file.set(original.subarray(8 + headerLength), 8 + header.length);
  return file;
}

const flipped = fc.array(fc.nat(original.length * 8 - 1), { minLength: 1, maxLength: 8 }).map((bits) => {
  const file = original.slice();
  for (const bit of bits) file[bit >> 3] = (file[bit >> 3] as number) ^ (1 << (bit & 7));
  return file;
});
const cut = fc.nat(original.length).map((length) => original.subarray(0, length));
const claimed = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((length) => {
  const file = original.slice();
  new DataView(file.buffer).setBigUint64(0, length, true);
  return file;
});
/** One number, key or piece of the header replaced by a lie. */
const lies = fc.constantFrom(
  '0',
  '1',
  '-1',
  '2.5',
  '1e3',
  '1152921504606846976',
  '9007199254740991',
  '1e400',
  'null',
  '[]',
  '{}',
  '"F32"',
  '',
);
const edited = fc.tuple(fc.nat(100), lies).map(([which, lie]) => {
  const places = [...headerText.matchAll(/\d+|"[^"]*"|\[[^\]]*\]|[{},:]/g)];
  const { index, 0: found } = places[which % places.length] as RegExpMatchArray & { index: number };
  return withHeader(headerText.slice(0, index) + lie + headerText.slice(index + found.length));
});
const inserted = fc
  .tuple(fc.nat(headerText.length), fc.string())
  .map(([at, text]) => withHeader(headerText.slice(0, at) + text + headerText.slice(at)));
const named = fc.constantFrom('ids', '\\u0069ds', 'layers.0.bias', '__metadata__', '__proto__', '');
const repeated = fc.tuple(named, fc.json()).map(([name, entry]) => withHeader(headerText.replace(/}\s*$/, `,"${name}":${entry}}`)));
const huge = fc.array(fc.constantFrom('0', '1', '65536', '4294967296', '1152921504606846976'), { maxLength: 6 }).map((shape) => {
  const entry = `{"dtype":"F32","shape":[${shape.join()}],"data_offsets":[0,24]}`;
  return withHeader(`{"x":${entry}}`);
});
const anyBytes = fc.uint8Array({ maxLength: 200 });
const files = fc.oneof(flipped, cut, claimed, edited, inserted, repeated, huge, anyBytes);

/** What `attempt` returns, or undefined where it refuses with our error; any other exception goes on. */
async function orRefusal<T>(attempt: () => T | Promise<T>): Promise<T | undefined> {
  try {
    return await attempt();
  } catch (error) {
    if (error instanceof SsmError && (error.code === 'FILE' || error.code === 'DTYPE')) return undefined;
    throw error;
  }
}

const options = { seed: 20240301, numRuns: 1500 };

describe('a mutated safetensors file', () => {
  it('gives data that lies inside the file, or our error', async () => {
    let [good, bad] = [0, 0];
    const check = async (file: Uint8Array): Promise<void> => {
      const parsed = await orRefusal(() => parseSafetensors(file));
      if (parsed) good++;
      else bad++;
      let bytes = 0;
      for (const [name, stored] of parsed?.tensors ?? []) {
        const count = stored.shape.reduce((product, size) => product * size, 1);
        bytes += stored.bytes.length;
        expect(stored.bytes.buffer).toBe(file.buffer);
        const values = await orRefusal(() => tensorValues(name, stored));
        if (values) expect(values.length).toBe(count);
      }
      expect(bytes).toBeLessThanOrEqual(file.length);
    };
    await fc.assert(fc.asyncProperty(files, check), options);
    expect(good).toBeGreaterThan(30); // flips of data bits, harmless edits
    expect(bad).toBeGreaterThan(500);
  });

  it('never makes the reader ask for bytes that the file does not have', async () => {
    const check = async (file: Uint8Array): Promise<void> => {
      let asked = 0;
      const read: ByteSource['read'] = async (offset, length) => {
        asked += length;
        expect(offset + length).toBeLessThanOrEqual(file.length);
        return file.slice(offset, offset + length);
      };
      const reader = await orRefusal(() => openSafetensors({ size: file.length, read }));
      for (const name of reader?.tensors.keys() ?? []) await orRefusal(() => reader?.read(name));
      expect(asked).toBeLessThanOrEqual(file.length);
    };
    await fc.assert(fc.asyncProperty(files, check), options);
  });
});
