import { describe, expect, it } from 'vitest';
import { type BackendStarter, choose, devicesOf } from './choose';

const works = <Name extends string>(name: Name, about: string): BackendStarter<Name> => ({
  name,
  probe: async () => true,
  start: async () => about,
});
const fails = <Name extends string>(name: Name, message: string): BackendStarter<Name> => ({
  ...works(name, ''),
  start: async () => {
    throw new Error(message);
  },
});
const refuses = <Name extends string>(name: Name, reason: string): BackendStarter<Name> => ({
  name,
  probe: async ({ isNamed }) => (isNamed ? true : reason),
  start: async ({ threads }) => `${threads} threads`,
});
type Backends = readonly BackendStarter<'wasm' | 'cpu'>[];
const both: Backends = [works('wasm', 'fast'), works('cpu', 'slow')];
const onlyCpu: Backends = [fails('wasm', 'no SIMD\nat line 3'), works('cpu', 'slow')];

describe('choose', () => {
  it('takes the first device that works, and says so', async () => {
    expect(await choose(both, 'auto')).toEqual({
      backend: 'wasm',
      reason: 'wasm: fast (chosen by auto)',
    });
  });

  it('falls back under auto, and says from what', async () => {
    expect(await choose(onlyCpu, 'auto')).toEqual({
      backend: 'cpu',
      reason: 'cpu: slow (chosen by auto; wasm failed: no SIMD)',
    });
  });

  it('does not fall back from a named device', async () => {
    await expect(choose(onlyCpu, 'wasm')).rejects.toThrowErrorMatchingInlineSnapshot(`
      [SsmError: startBackend: device 'wasm' could not be started.
        expected  a working wasm backend
        got       no SIMD
        fix       use device 'auto' to fall back to another one]
    `);
  });

  it('fails under auto where nothing starts', async () => {
    await expect(choose([fails('wasm', 'no SIMD'), fails('cpu', 'not there')], 'auto')).rejects.toThrowErrorMatchingInlineSnapshot(`
      [SsmError: startBackend: no device could be started.
        expected  wasm or cpu
        got       wasm failed: no SIMD; cpu failed: not there
        fix       reinstall the tfjs packages beside this one]
    `);
  });

  it('refuses a device that it does not know', async () => {
    await expect(choose(both, 'tpu' as 'cpu')).rejects.toThrowErrorMatchingInlineSnapshot(`
      [SsmError: startBackend: unknown device.
        expected  'auto' or 'wasm' or 'cpu'
        got       tpu
        fix       leave it out, or say 'auto']
    `);
  });

  it('passes over a backend whose probe answers with a reason, and starts it all the same where it is named', async () => {
    const backends = [refuses('gpu', 'slower than cpu here'), works('cpu', 'slow')] as const;
    expect(await choose<'gpu' | 'cpu'>(backends, 'auto', 2)).toEqual({
      backend: 'cpu',
      reason: 'cpu: slow (chosen by auto; gpu failed: slower than cpu here)',
    });
    expect(await choose<'gpu' | 'cpu'>(backends, 'gpu', 2)).toEqual({ backend: 'gpu', reason: 'gpu: 2 threads (as asked)' });
  });

  it('knows the devices of a list of backends', () => {
    expect(devicesOf(both)).toEqual(['auto', 'wasm', 'cpu']);
  });
});
