import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileSetOf } from '@densessm/checkpoint';
import { describe, expect, it } from 'vitest';
import { hubSettings } from './hub/options';
import { openPretrained } from './index';

const folder = tmpdir();
const options = { endpoint: 'http://127.0.0.1:9', cacheDir: folder };

describe('a source', () => {
  it('is a folder, files at hand, a Hub id or a URL, and nothing else', async () => {
    expect((await openPretrained(folder)).where).toBe(folder);
    expect((await openPretrained('./no/such/folder')).where).toBe('./no/such/folder');
    const files = fileSetOf([]);
    expect(await openPretrained(files)).toBe(files);
    expect((await openPretrained([new File([''], 'config.json')])).where).toBe('the chosen files');
    expect((await openPretrained('gpt2', options)).where).toBe('gpt2');
    expect((await openPretrained('https://huggingface.co/a/b', options)).where).toBe('a/b');
    expect((await openPretrained(new URL('https://example.org/models/x'), options)).where).toBe('https://example.org/models/x');
    for (const wrong of [new URL('ftp://example.org/'), 'ftp://example.org/', 'https://'])
      await expect(openPretrained(wrong)).rejects.toThrow(expect.objectContaining({ name: 'SsmError', code: 'OPTION' }));
  });

  it('finds endpoint, token and cache as Python does', () => {
    const environment = { HF_ENDPOINT: 'https://mirror.org/', HF_TOKEN: 't', HF_HOME: '/hf', HF_HUB_OFFLINE: '1' };
    expect(hubSettings({}, environment)).toMatchObject({
      endpoint: 'https://mirror.org',
      token: 't',
      cacheDir: join('/hf', 'hub'),
      offline: true,
      revision: 'main',
    });
    expect(hubSettings({}, { HF_HUB_CACHE: '/c', HF_HOME: '/hf' }).cacheDir).toBe('/c');
    expect(hubSettings({}, { XDG_CACHE_HOME: '/x' })).toMatchObject({
      cacheDir: join('/x', 'huggingface', 'hub'),
      endpoint: 'https://huggingface.co',
      offline: false,
    });
    expect(hubSettings({ endpoint: 'https://e', token: 'o', cacheDir: '/d', offline: false }, environment)).toMatchObject({
      endpoint: 'https://e',
      token: 'o',
      cacheDir: '/d',
      offline: false,
    });
  });
});
