import { describe, expect, it } from 'vitest';
import { choose } from './choose';

const works = (about: string) => async () => about;
const fails = (message: string) => async (): Promise<string> => {
  throw new Error(message);
};

describe('choose', () => {
  it('takes the first device that works, and says so', async () => {
    expect(await choose('auto', { wasm: works('fast'), cpu: works('slow') })).toEqual({
      backend: 'wasm',
      reason: 'wasm: fast (chosen by auto)',
    });
  });

  it('falls back under auto, and says from what', async () => {
    expect(await choose('auto', { wasm: fails('no SIMD\nat line 3'), cpu: works('slow') })).toEqual({
      backend: 'cpu',
      reason: 'cpu: slow (chosen by auto; wasm failed: no SIMD)',
    });
  });

  it('does not fall back from a named device', async () => {
    await expect(choose('wasm', { wasm: fails('no SIMD'), cpu: works('slow') })).rejects.toThrowErrorMatchingInlineSnapshot(`
      [SsmError: startBackend: device 'wasm' could be started.
        expected  a working wasm backend
        got       no SIMD
        fix       use device 'auto' to fall back to another one]
    `);
  });

  it('fails under auto where nothing starts', async () => {
    await expect(choose('auto', { wasm: fails('no SIMD'), cpu: fails('not there') })).rejects.toThrowErrorMatchingInlineSnapshot(`
      [SsmError: startBackend: no device could be started.
        expected  wasm or cpu
        got       wasm failed: no SIMD; cpu failed: not there
        fix       reinstall the tfjs packages beside this one]
    `);
  });

  it('refuses a device that it does not know', async () => {
    await expect(choose('tpu' as 'cpu', { wasm: works('fast'), cpu: works('slow') })).rejects.toThrowErrorMatchingInlineSnapshot(`
      [SsmError: startBackend: unknown device.
        expected  'auto' or 'wasm' or 'cpu'
        got       tpu
        fix       leave it out, or say 'auto']
    `);
  });
});
