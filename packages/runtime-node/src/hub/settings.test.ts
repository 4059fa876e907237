import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hubSettings } from './options';

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'hub-home-'));
});
afterEach(() => rm(home, { recursive: true }));

const refusal = (environment: Record<string, string>, options = {}): unknown => {
  try {
    return hubSettings(options, { HF_HOME: home, ...environment });
  } catch (error) {
    return error;
  }
};

describe('the token', () => {
  const token = (environment: Record<string, string> = {}, options = {}) => hubSettings(options, { HF_HOME: home, ...environment }).token;

  it('is the one that `hf auth login` stored, where Python stores it, unless another is named', async () => {
    expect(token()).toBeUndefined();
    await writeFile(join(home, 'token'), 'hf_stored\n');
    await writeFile(join(home, 'other'), 'hf_other\n');
    expect(token()).toBe('hf_stored');
    expect(token({ HF_TOKEN_PATH: join(home, 'other') })).toBe('hf_other');
    expect(token({ HF_TOKEN: ' hf_named\n' })).toBe('hf_named');
    expect(token({ HF_TOKEN: 'hf_named' }, { token: 'hf_given' })).toBe('hf_given');
    expect(token({}, { token: '' })).toBeUndefined();
    expect(token({ HF_HUB_DISABLE_IMPLICIT_TOKEN: '1' })).toBeUndefined();
  });

  it('that cannot be sent in a header is refused and not shown', () => {
    expect(refusal({ HF_TOKEN: 'hf_sécret' })).toMatchObject({ code: 'OPTION', message: expect.not.stringContaining('cret') });
  });
});

describe('proxies', () => {
  const proxies = (environment: Record<string, string>) => hubSettings({}, { HF_HOME: home, ...environment }).proxies;

  it('are those that the environment names, lower case first', () => {
    expect(proxies({})).toBeUndefined();
    expect(proxies({ NO_PROXY: 'a' })).toBeUndefined();
    expect(proxies({ HTTPS_PROXY: 'http://a:1', https_proxy: 'http://b:2', NO_PROXY: 'c' })).toEqual({
      httpsProxy: 'http://b:2/',
      noProxy: 'c',
    });
    expect(proxies({ ALL_PROXY: 'a:1', HTTP_PROXY: 'http://b:2' })).toEqual({
      httpProxy: 'http://b:2/',
      httpsProxy: 'http://a:1/',
      noProxy: '',
    });
  });

  it('that do not speak HTTP are refused, without their password', () => {
    expect(refusal({ HTTPS_PROXY: 'socks5://user:secret@host:1080' })).toMatchInlineSnapshot(`
      [SsmError: the proxy of HTTPS_PROXY cannot be used.
        expected  http://host:port or https://host:port
        got       socks5://host:1080
        fix       correct HTTPS_PROXY, or name the host in NO_PROXY and unset it; SOCKS proxies are not supported]
    `);
    expect(refusal({ HTTPS_PROXY: 'http://' })).toMatchObject({ code: 'OPTION' });
  });

  it('are not asked about offline', () => {
    expect(hubSettings({ offline: true }, { HF_HOME: home, HTTPS_PROXY: 'socks5://a' }).proxies).toBeUndefined();
  });
});

it('the stall timeout is the option, else that of the environment in seconds, else 30 s', () => {
  const timeout = (environment: Record<string, string>, options = {}) =>
    hubSettings(options, { HF_HOME: home, ...environment }).stallTimeoutMs;
  expect([
    timeout({}),
    timeout({ HF_HUB_DOWNLOAD_TIMEOUT: '7' }),
    timeout({ HF_HUB_DOWNLOAD_TIMEOUT: '7' }, { stallTimeoutMs: 50 }),
  ]).toEqual([30_000, 7000, 50]);
  expect(refusal({ HF_HUB_DOWNLOAD_TIMEOUT: 'soon' })).toMatchObject({ code: 'OPTION' });
});
