import { describe, expect, it } from 'vitest';
import { type ByteSource, type Dtype, openSafetensors, parseSafetensors, readTensors, tensorValues } from './index';

/** A file from the text or bytes of its header and its data. */
function fileOf(header: string | Uint8Array, data: ArrayLike<number> = [], claimed?: bigint): Uint8Array {
  const text = typeof header === 'string' ? new TextEncoder().encode(header) : header;
  const file = new Uint8Array(8 + text.length + data.length);
  new DataView(file.buffer).setBigUint64(0, claimed ?? BigInt(text.length), true);
  file.set(text, 8);
  file.set(data, 8 + text.length);
  return file;
}

/** A header of U8 tensors; each value is the text of one entry. */
const headerOf = (entries: Record<string, string>): string =>
  `{${Object.entries(entries)
    .map(([name, entry]) => `"${name}":${entry}`)
    .join()}}`;
const u8 = (shape: string, offsets: string): string => `{"dtype":"U8","shape":${shape},"data_offsets":${offsets}}`;

const bytesOf = (values: ArrayBufferView): Uint8Array => new Uint8Array(values.buffer, values.byteOffset, values.byteLength);

/** One tensor of the given type that begins at an odd offset, read back. */
function readOdd(dtype: Dtype, values: ArrayBufferView, length: number): unknown {
  const bytes = bytesOf(values);
  const x = `{"dtype":"${dtype}","shape":[${length}],"data_offsets":[1,${1 + bytes.length}]}`;
  const file = fileOf(headerOf({ pad: u8('[1]', '[0,1]'), x }), [9, ...bytes]);
  return readTensors(parseSafetensors(file)).get('x')?.values;
}

describe('tensorValues', () => {
  const numbers = [-3, 0, 7];
  it.each([
    ['F32', new Float32Array([1.5, -2, 3e-40]), new Float32Array([1.5, -2, 3e-40])],
    ['F64', new Float64Array([0.1, -2, 1e300]), new Float64Array([0.1, -2, 1e300])],
    ['I64', new BigInt64Array([-3n, 0n, 2n ** 53n - 1n]), new Float64Array([-3, 0, 2 ** 53 - 1])],
    ['I32', new Int32Array(numbers), new Int32Array(numbers)],
    ['I16', new Int16Array(numbers), new Int32Array(numbers)],
    ['I8', new Int8Array(numbers), new Int32Array(numbers)],
    ['U8', new Uint8Array([0, 7, 255]), new Int32Array([0, 7, 255])],
    ['BOOL', new Uint8Array([0, 1, 1]), new Int32Array([0, 1, 1])],
    ['BF16', new Uint16Array([0x3fc0, 0xc000, 0x7f80]), new Float32Array([1.5, -2, Infinity])],
  ] as const)('reads %s at an odd offset', (dtype, stored, values) => {
    expect(readOdd(dtype, stored, 3)).toEqual(values);
  });

  it('widens every one of the 65536 float16 numbers exactly', () => {
    const halves = Uint16Array.from({ length: 2 ** 16 }, (_, i) => i);
    const values = readOdd('F16', halves, halves.length) as Float32Array;
    const wrong = halves.filter((half) => !Object.is(values[half], float16(half)));
    expect([...wrong]).toEqual([]);
  });

  /** IEEE 754 binary16 by its definition. */
  function float16(half: number): number {
    const sign = half & 0x8000 ? -1 : 1;
    const [exponent, fraction] = [(half >> 10) & 31, half & 1023];
    if (exponent === 31) return fraction ? Number.NaN : sign * Infinity;
    return sign * (exponent ? (1 + fraction / 1024) * 2 ** (exponent - 15) : fraction * 2 ** -24);
  }

  it('refuses an I64 that float64 cannot hold', () => {
    expect(() => readOdd('I64', new BigInt64Array([2n ** 53n]), 1)).toThrow(/`x` holds an integer that a number cannot/);
  });

  it('refuses an element type that it does not read, but the rest of the file stays readable', () => {
    const file = parseSafetensors(
      fileOf(headerOf({ a: u8('[1]', '[0,1]'), x: '{"dtype":"F8_E4M3","shape":[1],"data_offsets":[1,2]}' }), [5, 6]),
    );
    const [a, x] = [file.tensors.get('a'), file.tensors.get('x')];
    expect(a && tensorValues('a', a)).toEqual(new Int32Array([5]));
    expect(() => x && tensorValues('x', x)).toThrow(/`x` has an element type that is not read/);
  });
});

describe('parseSafetensors', () => {
  it('reads names, shapes, metadata, empty tensors and scalars', () => {
    const header = headerOf({
      __metadata__: '{"format":"pt"}',
      'λ.a': u8('[2,1]', '[1,3]'),
      scalar: u8('[]', '[0,1]'),
      none: u8('[0,5]', '[3,3]'),
    });
    const file = parseSafetensors(fileOf(`${header}   `, [1, 2, 3]));
    expect(file.metadata).toEqual({ format: 'pt' });
    expect([...file.tensors].map(([name, { shape, bytes }]) => [name, shape, [...bytes]])).toEqual([
      ['λ.a', [2, 1], [2, 3]],
      ['scalar', [], [1]],
      ['none', [0, 5], []],
    ]);
  });

  it('tells the whole story of a mistake', () => {
    expect(() =>
      parseSafetensors(fileOf(headerOf({ x: u8('[5]', '[0,4]') }), [1, 2, 3, 4]), 'model.safetensors'),
    ).toThrowErrorMatchingInlineSnapshot(`
      [SsmError: model.safetensors: the header's entry "x" cannot be used.
        expected  data_offsets that span 5 bytes: shape times U8
        got       {"shape":[5],"offsets":[0,4]}
        fix       get the file again; if it was made by a program of yours, let that program write it with a safetensors library]
    `);
  });

  const one = headerOf({ x: u8('[1]', '[0,1]') });
  it.each<[string, Uint8Array, RegExp]>([
    ['an empty file', new Uint8Array(), /too short/],
    ['a file shorter than the header', fileOf(one, [1]).subarray(0, 40), /ends inside its header/],
    ['a header length beyond the file', fileOf(one, [1], 99n), /ends inside its header/],
    ['a header length over the cap', fileOf(one, [1], 100_000_001n), /claims to be too long/],
    ['a header length of 2^63', fileOf(one, [1], 2n ** 63n), /claims to be too long/],
    ['missing data', fileOf(one), /entry "x".*\n.*begin ≤ end ≤ 0/],
    ['an empty header', fileOf(''), /does not begin with \{/],
    ['a header that is not UTF-8', fileOf(Uint8Array.of(0x7b, 0xff, 0x7d)), /not UTF-8/],
    ['a header that is no object', fileOf('[1]'), /does not begin with \{/],
    ['a header behind a byte order mark', fileOf(`\ufeff${one}`, [1]), /does not begin with \{/],
    ['a header that is no JSON', fileOf('{"x":nothing}'), /header: line 1, column 6 is not valid JSON/],
    ['something behind the header', fileOf('{}\0'), /column 3 is not valid JSON/],
    ['a very deep header', fileOf(`{"x":${'['.repeat(5000)}`), /at most 100 objects/],
    ['a very long number', fileOf(`{"x":${'1'.repeat(5000)}}`), /not valid JSON/],
    ['a name twice', fileOf('{"x":1,"x":2}'), /column 8.*\n.*the key "x" once/],
    ['a name twice, once escaped', fileOf('{"x":1,"\\u0078":2}'), /the key "x" once/],
    ['a key of an entry twice', fileOf('{"x":{"shape":[],"shape":[]}}'), /the key "shape" once/],
    ['half a character as a name', fileOf(headerOf({ '\\ud800': u8('[0]', '[0,0]') })), /whole characters/],
    ['metadata that is no object', fileOf('{"__metadata__":[]}'), /`__metadata__` is not a record/],
    ['metadata that is no string', fileOf('{"__metadata__":{"a":1}}'), /`__metadata__` is not a record/],
    ['an entry that is no object', fileOf('{"x":[]}'), /entry "x"/],
    ['an entry named __proto__', fileOf('{"__proto__":[]}'), /entry "__proto__"/],
    ['no dtype', fileOf('{"x":{}}'), /dtype.*\n.*nothing/],
    ['an unknown dtype', fileOf('{"x":{"dtype":"toString"}}'), /"toString"/],
    ['no shape', fileOf('{"x":{"dtype":"U8"}}'), /shape: a list/],
    ['a negative size', fileOf(headerOf({ x: u8('[-1]', '[0,0]') })), /shape: a list.*\n.*\[-1\]/],
    ['a size that is not whole', fileOf(headerOf({ x: u8('[0.5]', '[0,0]') })), /shape: a list/],
    ['a size of 2^60', fileOf(headerOf({ x: u8('[1152921504606846976]', '[0,0]') })), /shape: a list/],
    ['a product of 2^100', fileOf(headerOf({ x: u8('[1125899906842624,1125899906842624]', '[0,0]') })), /shape: a product/],
    ['one offset', fileOf(headerOf({ x: u8('[1]', '[0]') }), [1]), /two integers/],
    ['offsets that are text', fileOf(headerOf({ x: u8('[1]', '["0","1"]') }), [1]), /two integers/],
    ['an end before the begin', fileOf(headerOf({ x: u8('[1]', '[1,0]') }), [1]), /begin ≤ end ≤ 1/],
    ['an end beyond the file', fileOf(headerOf({ x: u8('[2]', '[0,2]') }), [1]), /begin ≤ end ≤ 1/],
    ['a size that is not the shape', fileOf(headerOf({ x: u8('[2]', '[0,1]') }), [1]), /span 2 bytes/],
    ['an overlap', fileOf(headerOf({ x: u8('[2]', '[0,2]'), y: u8('[2]', '[1,3]') }), [1, 2, 3]), /"y" overlaps/],
    ['the same bytes twice', fileOf(headerOf({ x: u8('[1]', '[0,1]'), y: u8('[1]', '[0,1]') }), [1]), /"y" overlaps/],
    ['a hole', fileOf(headerOf({ x: u8('[1]', '[0,1]'), y: u8('[1]', '[2,3]') }), [1, 2, 3]), /hole in front of "y"/],
    ['bytes in front', fileOf(headerOf({ y: u8('[1]', '[1,2]') }), [1, 2]), /hole in front of "y"/],
    ['bytes behind', fileOf(one, [1, 2]), /belong to no tensor.*\n.*\n.*1 more bytes/],
  ])('refuses %s', (_, file, message) => {
    expect(() => parseSafetensors(file)).toThrow(
      expect.objectContaining({ name: 'SsmError', code: 'FILE', message: expect.stringMatching(message) }),
    );
  });
});

describe('openSafetensors', () => {
  const file = fileOf(headerOf({ x: u8('[3]', '[0,3]'), y: u8('[2]', '[3,5]') }), [1, 2, 3, 4, 5]);
  const sourceOf = (asked: number[][]): ByteSource => ({
    size: file.length,
    read: async (offset, length) => {
      asked.push([offset, length]);
      return file.slice(offset, offset + length);
    },
  });

  it('reads the header, then only the tensors asked for', async () => {
    const asked: number[][] = [];
    const reader = await openSafetensors(sourceOf(asked));
    expect([...(await reader.read('y')).bytes]).toEqual([4, 5]);
    const header = file.length - 8 - 5;
    expect(asked).toEqual([
      [0, 8],
      [8, header],
      [8 + header + 3, 2],
    ]);
  });

  it('says which tensors there are when asked for another', async () => {
    const reader = await openSafetensors(sourceOf([]));
    await expect(reader.read('z')).rejects.toThrow(/no tensor `z`.*\n.*2: x, y/);
  });

  it('notices a source that gives too little', async () => {
    const short: ByteSource = { size: file.length, read: async () => file.subarray(0, 8) };
    await expect(openSafetensors(short)).rejects.toThrow(/another number of bytes/);
  });
});
