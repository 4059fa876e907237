import { WEIGHT_TYPES } from '@densessm/ssm-core';
import { mulberry32 } from '@densessm/ssm-core/internal';
import { findBackend, setBackend } from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { registerWasmKernels } from '../register';
import { currentRuntime } from '../wasm-runtime';
import { PackedLinear } from './packed-linear';
import { PrefetchTuner } from './prefetch';

const LARGE = 2 ** 27;

beforeAll(async () => {
  await setBackend('wasm');
  await registerWasmKernels(findBackend('wasm'));
});

/** Reads `bytes` many times on a clock of its own, and gives the setting of each reading: 1 with prefetch. */
function readings(bytes: number, took: (setting: number, reading: number) => number): number[] {
  const { heap } = currentRuntime('test');
  let time = 0;
  const tuner = new PrefetchTuner(heap, () => time);
  const settings: number[] = [];
  try {
    for (let i = 0; i < 40; i++)
      tuner.read(bytes, () => {
        const setting = new Int32Array(heap.buffer, tuner.address, 1)[0] as number;
        settings.push(setting);
        time += took(setting, i);
      });
    return settings;
  } finally {
    heap.free(tuner.address);
  }
}

const trials = Array.from({ length: 18 }, (_, i) => (i + 1) % 2);
const after = (setting: number): number[] => [...trials, ...new Array<number>(22).fill(setting)];

describe('prefetch', () => {
  it('alternates between with and without, and keeps the faster', () => {
    expect(readings(LARGE, (setting) => (setting ? 12 : 10))).toEqual(after(0));
    expect(readings(LARGE, (setting) => (setting ? 10 : 12))).toEqual(after(1));
  });

  it('is not misled by a few readings that something else held up', () => {
    expect(readings(LARGE, (setting, reading) => (reading < 8 && !setting ? 500 : 0) + (setting ? 12 : 10))).toEqual(after(0));
  });

  it('is on, and nothing is timed, where weights may lie in a cache', () => {
    expect(readings(2 ** 20, (setting) => (setting ? 12 : 10))).toEqual(new Array<number>(40).fill(1));
  });

  it('has one setting for all weights of a type on a heap', () => {
    const runtime = currentRuntime('test');
    expect(new Set(WEIGHT_TYPES.map((type) => runtime.prefetchOf(type))).size).toBe(WEIGHT_TYPES.length);
    expect(runtime.prefetchOf('int8')).toBe(runtime.prefetchOf('int8'));
  });

  it.each(WEIGHT_TYPES)('makes no difference to a product: %s', (type) => {
    const runtime = currentRuntime('test');
    const [out, width] = [1029, 770];
    const random = mulberry32(1);
    const [weights, x] = [out * width, width].map((size) => Float32Array.from({ length: size }, () => random() - 0.5)) as [
      Float32Array,
      Float32Array,
    ];
    const packed = PackedLinear.pack(weights, [out, width], { type });
    const word = () => new Int32Array(runtime.heap.buffer, runtime.prefetchOf(type).address, 1);
    const [without, withIt] = [0, 1].map((setting) => {
      word()[0] = setting;
      return packed.apply(x, 1);
    });
    packed.dispose();
    expect(without).toEqual(withIt);
    expect(without?.some((value) => value !== 0)).toBe(true);
  });
});
