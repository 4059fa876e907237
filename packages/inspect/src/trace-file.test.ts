import { describe, expect, it } from 'vitest';
import { parseTrace, serializeTrace } from './trace-file';

const trace = {
  modelType: 'mamba',
  texts: ['ü', '�'],
  tokens: Int32Array.of(1, -2),
  surprise: Float32Array.of(Number.NaN, 0.1, Number.POSITIVE_INFINITY),
  layers: [{ gates: [], attention: new Float32Array(0), lens: { ids: Int32Array.of(7) } }],
};

describe('a trace as a file', () => {
  it('comes back as it was, also from the middle of a buffer', () => {
    expect(parseTrace(serializeTrace(trace))).toEqual(trace);
    const bytes = serializeTrace(trace);
    const shifted = new Uint8Array(bytes.length + 3);
    shifted.set(bytes, 3);
    expect(parseTrace(shifted.subarray(3))).toEqual(trace);
  });

  it('is refused where bytes are missing or others', () => {
    const bytes = serializeTrace(trace);
    for (const bad of [
      new Uint8Array(0),
      bytes.slice(0, 10),
      bytes.slice(0, -4),
      Uint8Array.from(bytes, (byte, i) => (i === 0 ? 0 : byte)),
    ])
      expect(() => parseTrace(bad)).toThrow(/this is no trace/);
    const garbled = bytes.slice();
    garbled[12] = 0x5d;
    expect(() => parseTrace(garbled)).toThrow(/a header that is no JSON/);
  });
});
