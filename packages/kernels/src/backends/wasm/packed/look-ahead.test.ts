import { mulberry32, WEIGHT_TYPES } from '@densessm/ssm-core';
import { findBackend, setBackend } from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { currentMachine } from '../machines';
import { registerWasmKernels } from '../register';
import { LookAhead, lookAheadOn } from './look-ahead';
import { PackedLinear } from './packed-linear';

const LARGE = 2 ** 27;

beforeAll(async () => {
  await setBackend('wasm');
  await registerWasmKernels(findBackend('wasm'));
});

/** Reads `bytes` many times on a clock of its own, and gives the way of each reading: 1 where it looked ahead. */
function readings(bytes: number, took: (way: number, reading: number) => number): number[] {
  const { heap } = currentMachine('test');
  let time = 0;
  const lookAhead = new LookAhead(heap, () => time);
  const ways: number[] = [];
  try {
    for (let i = 0; i < 40; i++)
      lookAhead.read(bytes, () => {
        const way = new Int32Array(heap.buffer, lookAhead.address, 1)[0] as number;
        ways.push(way);
        time += took(way, i);
      });
    return ways;
  } finally {
    heap.free(lookAhead.address);
  }
}

const trials = Array.from({ length: 18 }, (_, i) => (i + 1) % 2);
const after = (way: number): number[] => [...trials, ...new Array<number>(22).fill(way)];

describe('LookAhead', () => {
  it('tries both ways by turns, and keeps the faster', () => {
    expect(readings(LARGE, (way) => (way ? 12 : 10))).toEqual(after(0));
    expect(readings(LARGE, (way) => (way ? 10 : 12))).toEqual(after(1));
  });

  it('is not misled by a few readings that something else held up', () => {
    expect(readings(LARGE, (way, reading) => (reading < 8 && !way ? 500 : 0) + (way ? 12 : 10))).toEqual(after(0));
  });

  it('looks ahead, and times nothing, where weights may lie in a cache', () => {
    expect(readings(2 ** 20, (way) => (way ? 12 : 10))).toEqual(new Array<number>(40).fill(1));
  });

  it('is one for all weights of a type on a heap', () => {
    const { heap } = currentMachine('test');
    expect(new Set(WEIGHT_TYPES.map((type) => lookAheadOn(heap, type))).size).toBe(WEIGHT_TYPES.length);
    expect(lookAheadOn(heap, 'int8')).toBe(lookAheadOn(heap, 'int8'));
  });

  it.each(WEIGHT_TYPES)('makes no difference to a product: %s', (type) => {
    const { heap } = currentMachine('test');
    const [out, width] = [1029, 770];
    const random = mulberry32(1);
    const [weights, x] = [out * width, width].map((size) => Float32Array.from({ length: size }, () => random() - 0.5)) as [
      Float32Array,
      Float32Array,
    ];
    const packed = PackedLinear.pack(weights, [out, width], { type });
    const word = () => new Int32Array(heap.buffer, lookAheadOn(heap, type).address, 1);
    const [plain, looking] = [0, 1].map((way) => {
      word()[0] = way;
      return packed.apply(x, 1);
    });
    packed.dispose();
    expect(plain).toEqual(looking);
    expect(plain?.some((value) => value !== 0)).toBe(true);
  });
});
