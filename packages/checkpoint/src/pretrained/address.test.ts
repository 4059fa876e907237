import { describe, expect, it } from 'vitest';
import { isHubId, modelAddress } from './address';

const hub = { endpoint: 'https://mirror.org', revision: 'main' };
const at = (source: string | URL) => modelAddress(source, hub);

describe('the address of a model', () => {
  it('is an id on the Hub, or the URL of its page there', () => {
    const model = { id: 'a/b', ...hub };
    expect(at('a/b')).toEqual(model);
    expect(at('gpt2')).toEqual({ id: 'gpt2', ...hub });
    expect(at('https://mirror.org/a/b/')).toEqual(model);
    expect(at(new URL('https://mirror.org/a/b/tree/v1'))).toEqual({ ...model, revision: 'v1' });
    expect(at('https://hf.co/a/b/resolve/v1/')).toEqual({ id: 'a/b', endpoint: 'https://huggingface.co', revision: 'v1' });
  });

  it('is any other URL as it stands', () => {
    for (const url of ['https://example.org/a/b', 'http://localhost:1/m', 'https://mirror.org/a/b/blob/main/x', 'https://mirror.org/a'])
      expect(at(url)).toEqual(new URL(url));
  });

  it('is no path and nothing else', () => {
    expect(['a/b', './a', '../a', '/a', 'a/b/c', 'C:\\a', '~/a'].filter(isHubId)).toEqual(['a/b']);
    for (const wrong of ['./a', 'a/b/c', 'ftp://example.org/', new URL('ftp://example.org/'), 'https://'])
      expect(() => at(wrong)).toThrow(expect.objectContaining({ name: 'SsmError', code: 'OPTION' }));
    for (const revision of ['../main', '', 'a/../b', '-x'])
      expect(() => modelAddress('a/b', { ...hub, revision })).toThrow(/the revision cannot be used/);
  });
});
