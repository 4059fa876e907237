import { describe, expect, it } from 'vitest';
import { parseSafetensors, tensorValues } from './index';

/** A file from the text of its header and its data. */
function fileOf(header: string, data: ArrayLike<number> = [], claimed?: number): Uint8Array {
  const text = new TextEncoder().encode(header);
  const file = new Uint8Array(8 + text.length + data.length);
  new DataView(file.buffer).setBigUint64(0, BigInt(claimed ?? text.length), true);
  file.set(text, 8);
  file.set(data, 8 + text.length);
  return file;
}

describe('parseSafetensors', () => {
  it('reads values at any alignment', () => {
    const data = new Uint8Array(new Float32Array([1.5, -2]).buffer);
    const header = '{"flag":{"dtype":"BOOL","shape":[1],"data_offsets":[0,1]},"x":{"dtype":"F32","shape":[2],"data_offsets":[1,9]}}';
    const { tensors } = parseSafetensors(fileOf(header, [1, ...data]));
    const x = tensors.get('x');
    expect(x?.shape).toEqual([2]);
    expect(x && tensorValues('x', x)).toEqual(new Float32Array([1.5, -2]));
  });
});
