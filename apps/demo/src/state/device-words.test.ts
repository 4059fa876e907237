import { expect, it } from 'vitest';
import { aboutDevice, deviceName } from './device-words';

const REASON = 'wasm: WebAssembly with relaxed SIMD, 2 threads (chosen by auto; webgpu failed: no adapter)';

it('says what computes, why, and what did not start', () => {
  expect(aboutDevice(REASON)).toEqual([
    'WebAssembly with relaxed SIMD, 2 threads',
    'chosen as the fastest one that works',
    'WebGPU did not start: no adapter',
  ]);
  expect(aboutDevice('something else')).toEqual(['something else']);
  expect([REASON, 'webgpu', 'other: 1'].map(deviceName)).toEqual(['WebAssembly', 'WebGPU', 'other']);
});
