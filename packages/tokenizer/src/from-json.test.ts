import { describe, expect, it } from 'vitest';
import { fixtureLines, fixtureTokenizer, thrown, tiny } from '../fixtures';
import { tokenizerFromJson } from './from-json';

describe('a tokenizer.json', () => {
  it('may be text or parsed, and is given back as it was', () => {
    const content = tiny(['a', 'b', 'ab'], ['a b']);
    for (const json of [content, JSON.stringify(content), `\ufeff${JSON.stringify(content)}`]) {
      const tokenizer = tokenizerFromJson(json);
      expect(tokenizer.encode('aab')).toEqual([0, 2]);
      expect(JSON.parse(JSON.stringify(tokenizer))).toEqual(content);
    }
  });

  it('may have its merges as pairs, as lines, or with the first line of a merges.txt', () => {
    for (const merges of [[['a', 'b']], ['a b'], ['#version: 0.2', 'a b']])
      expect(tokenizerFromJson(tiny(['a', 'b', 'ab'], merges as string[])).encode('ab')).toEqual([2]);
  });

  it('tells tokens and ids', () => {
    const tokenizer = tokenizerFromJson(tiny(['a', 'b'], [], { added_tokens: [{ content: '<s>', special: true }] }));
    expect([tokenizer.vocabSize, tokenizer.tokenToId('b'), tokenizer.tokenToId('<s>'), tokenizer.tokenToId('c')]).toEqual([3, 1, 2, null]);
    expect([0, 2, 3, -1].map(tokenizer.idToToken)).toEqual(['a', '<s>', null, null]);
    expect([0, 2].map(tokenizer.isSpecial)).toEqual([false, true]);
  });
});

const model = (parts: Record<string, unknown>) => ({ version: '1.0', model: { type: 'BPE', vocab: { a: 0, b: 1 }, merges: [], ...parts } });
const withPart = (name: string, part: unknown) => tiny(['a'], [], { [name]: part });

describe('a broken tokenizer.json', () => {
  it.each([
    ['that ends early', '{"version": "1.0", "model": {'],
    ['that is a Git LFS pointer', 'version https://git-lfs.github.com/spec/v1\n'],
    ['that is a list', '[]'],
    ['without a model', {}],
    ['without a vocabulary', { model: { type: 'BPE', merges: [] } }],
    ['without merges', { model: { type: 'BPE', vocab: {} } }],
    ['with an id below 0', model({ vocab: { a: -1 } })],
    ['with an id that is no number', model({ vocab: { a: '0' } })],
    ['with a merge of unknown tokens', model({ merges: ['a c'] })],
    ['with a merge into an unknown token', model({ merges: ['a b'] })],
    ['with a merge of three', model({ merges: ['a b a'] })],
    ['with a merge of numbers', model({ merges: [[1, 2]] })],
    ['with a unigram token without score', { model: { type: 'Unigram', unk_id: 0, vocab: [['a']] } }],
    ['with an unknown token beyond the vocabulary', { model: { type: 'Unigram', unk_id: 1, vocab: [['a', 0]] } }],
    ['with an added token without content', withPart('added_tokens', [{ id: 3 }])],
    ['with a normalizer that is no object', withPart('normalizer', 'NFC')],
    [
      'with half a template',
      withPart('post_processor', {
        type: 'TemplateProcessing',
        single: [{ SpecialToken: { id: 'x' } }, { Sequence: { id: 'A' } }],
        special_tokens: {},
      }),
    ],
    ['with a charsmap that is no base64', withPart('normalizer', { type: 'Precompiled', precompiled_charsmap: '*' })],
    ['with a charsmap that is too short', withPart('normalizer', { type: 'Precompiled', precompiled_charsmap: 'AAAA' })],
  ])('%s is an error that says where', (_, json) => {
    expect(() => tokenizerFromJson(json)).toThrow(expect.objectContaining({ name: 'TokenizerError', code: 'FILE' }));
  });

  it.each([
    ['model', model({ type: 'RNN' })],
    ['version', { ...model({}), version: '2.0' }],
    ['dropout', model({ dropout: 0.1 })],
    ['normalizer', withPart('normalizer', { type: 'Nmt' })],
    ['pre-tokenizer', withPart('pre_tokenizer', { type: 'Sequence', pretokenizers: [{ type: 'UnicodeScripts' }] })],
    ['post-processor', withPart('post_processor', { type: 'Magic' })],
    ['decoder', withPart('decoder', { type: 'Sequence', decoders: [{ type: 'Magic' }] })],
  ])('with a %s that we do not know is sound but not supported', (_, json) => {
    expect(() => tokenizerFromJson(json)).toThrow(expect.objectContaining({ name: 'TokenizerError', code: 'CONFIG' }));
  });

  it('says what is wrong', () => {
    expect(thrown(() => tokenizerFromJson('<html>'))).toMatch(
      /^TokenizerError: tokenizer.json: the text is not JSON.\n {2}expected {2}a JSON document\n/,
    );
    expect(thrown(() => tokenizerFromJson(model({ type: 'RNN' })))).toMatchInlineSnapshot(`
      "TokenizerError: tokenizer.json.model: \`type\` asks for something that is not supported.
        expected  one of BPE, Unigram, WordPiece, WordLevel
        got       "RNN"
        fix       use another tokenizer, or ask for this one in an issue"
    `);
    expect(thrown(() => tokenizerFromJson({ model: { type: 'BPE', merges: [] } }))).toMatchInlineSnapshot(`
      "TokenizerError: tokenizer.json.model.vocab cannot be used.
        expected  an object of tokens and their ids
        got       nothing
        fix       get the file again, or correct it there"
    `);
    expect(thrown(() => tokenizerFromJson(model({ merges: ['a c'] })))).toMatchInlineSnapshot(`
      "TokenizerError: tokenizer.json.model.merges[0] cannot be used.
        expected  tokens of the vocabulary, not "c"
        got       "a c"
        fix       get the file again, or correct it there"
    `);
  });
});

describe('special ids', () => {
  it('are those of tokenizer_config.json, whose null means none', () => {
    const config = { bos_token: null, eos_token: { content: '<unk>' }, pad_token: '<s>' };
    expect(fixtureTokenizer('llama', { config }).specialIds).toEqual({ bos: null, eos: 0, pad: 1, unk: 0 });
  });

  it('are those of special_tokens_map.json before the config, as in transformers 5', () => {
    const companions = { config: '{"eos_token": "</s>"}', specialTokensMap: { eos_token: '<s>', pad_token: '<unk>' } };
    expect(fixtureTokenizer('llama', companions).specialIds).toEqual({ bos: 1, eos: 1, pad: 0, unk: 0 });
  });

  it('are found without them: by the template, the model, or a usual name', () => {
    expect(fixtureTokenizer('llama').specialIds).toEqual({ bos: 1, eos: 2, pad: null, unk: 0 });
    const endOfText = fixtureTokenizer('gpt-neox').tokenToId('<|endoftext|>');
    expect(fixtureTokenizer('gpt-neox').specialIds).toMatchObject({ pad: null, unk: null });
    expect(endOfText).not.toBeNull();
  });

  it('come from any post-processor', () => {
    const post = (post_processor: unknown) => tokenizerFromJson(tiny(['<s>', '</s>', 'a'], [], { post_processor })).encode('a');
    expect(post({ type: 'BertProcessing', sep: ['</s>', 1], cls: ['<s>', 0] })).toEqual([0, 2, 1]);
    expect(
      post({ type: 'Sequence', processors: [{ type: 'ByteLevel' }, { type: 'RobertaProcessing', sep: ['</s>', 1], cls: ['<s>', 0] }] }),
    ).toEqual([0, 2, 1]);
    expect(fixtureLines<{ post_processor: { type: string } }>('llama')[0]?.post_processor.type).toBe('TemplateProcessing');
  });
});
