import { describe, expect, it } from 'vitest';
import { tiny } from '../fixtures';
import { TokenizerError } from './errors';
import { tokenizerFromJson } from './from-json';
import { tokenizerFromSentencePiece } from './sentencepiece/from-model';

/** What a file does with a text, there and back: the code of its error, or ids. What is not bounded takes far longer than a test may. */
function outcome(json: unknown, text: string): string | number[] {
  try {
    const tokenizer = tokenizerFromJson(json);
    const ids = tokenizer.encode(text);
    tokenizer.decode(ids);
    return ids;
  } catch (error) {
    if (error instanceof TokenizerError) return error.code;
    throw error;
  }
}

const nested = (depth: number, key: string, innermost: string): string =>
  `${`{"type":"Sequence","${key}":[`.repeat(depth)}${innermost}${']}'.repeat(depth)}`;
const withText = (name: string, part: string): string => JSON.stringify(tiny(['a', 'h'], [], { [name]: '@' })).replace('"@"', part);
const split = (Regex: string) =>
  tiny(['a', '!'], ['a a'].slice(1), { pre_tokenizer: { type: 'Split', pattern: { Regex }, behavior: 'Isolated' } });
const doubling = (type: object) => Array.from({ length: 27 }, () => type);
const doubles = { type: 'Replace', pattern: { String: 'a' }, content: 'aa' };
const long = 'a'.repeat(20_000);
const model = (parts: object) => ({ version: '1.0', model: parts });
const metaspaces = { type: 'Sequence', pretokenizers: doubling({ type: 'ByteLevel', add_prefix_space: true, use_regex: false }) };

describe('a hostile tokenizer.json', () => {
  it.each<[string, unknown, string, string]>([
    ['an id of 2^31 - 1', model({ type: 'BPE', vocab: { a: 0, h: 2 ** 31 - 1 }, merges: [] }), 'ah', 'FILE'],
    ['an id of 2^22', model({ type: 'WordLevel', vocab: { a: 2 ** 22 }, unk_token: 'a' }), 'ah', 'FILE'],
    ['20,000 nested pre-tokenizers', withText('pre_tokenizer', nested(20_000, 'pretokenizers', '{"type":"Digits"}')), 'a', 'CONFIG'],
    ['20,000 nested normalizers', withText('normalizer', nested(20_000, 'normalizers', '{"type":"NFC"}')), 'a', 'CONFIG'],
    ['20,000 nested decoders', withText('decoder', nested(20_000, 'decoders', '{"type":"Fuse"}')), 'a', 'CONFIG'],
    ['20,000 nested post-processors', withText('post_processor', nested(20_000, 'processors', '{"type":"ByteLevel"}')), 'a', 'CONFIG'],
    [
      '20,000 lists where a list is wanted',
      withText('normalizer', `{"type":"NFC","x":0},"added_tokens":[${'['.repeat(20_000)}${']'.repeat(20_000)}]`),
      'a',
      'FILE',
    ],
    ['a Strip of nothing', tiny(['a'], [], { decoder: { type: 'Strip', content: '', start: 2 ** 31 - 1, stop: 0 } }), 'a', 'FILE'],
    [
      'a Strip of 2^31 characters',
      tiny(['a'], [], { decoder: { type: 'Strip', content: 'a', start: 0, stop: 2 ** 31 - 1 } }),
      'a',
      'CONFIG',
    ],
    [
      '27 replacements that double',
      tiny(['a'], [], { normalizer: { type: 'Sequence', normalizers: doubling(doubles) } }),
      'aaaa',
      'CONFIG',
    ],
    [
      '27 expressions that double',
      tiny(['a'], [], { normalizer: { type: 'Sequence', normalizers: doubling({ ...doubles, pattern: { Regex: 'a' } }) } }),
      'aaaa',
      'CONFIG',
    ],
    ['a replacement with a megabyte', tiny(['a'], [], { normalizer: { ...doubles, content: 'a'.repeat(2 ** 20) } }), long, 'CONFIG'],
    ['27 decoders that double', tiny(['a'], [], { decoder: { type: 'Sequence', decoders: doubling(doubles) } }), 'aaaa', 'CONFIG'],
    ['27 byte alphabets in each other', tiny(['a'], [], { pre_tokenizer: metaspaces }), 'é'.repeat(1000), 'CONFIG'],
    ['300 steps', tiny(['a'], [], { normalizer: { type: 'Sequence', normalizers: Array(300).fill({ type: 'NFC' }) } }), 'a', 'CONFIG'],
    [
      'a unigram token of 20,000 characters',
      model({
        type: 'Unigram',
        unk_id: 0,
        vocab: [
          ['?', 0],
          [long, -1],
        ],
      }),
      long,
      'CONFIG',
    ],
    ['a word piece of 20,000 characters', model({ type: 'WordPiece', unk_token: 'a', vocab: { a: 0, [long]: 1 } }), long, 'CONFIG'],
    [
      'words of 2^31 characters',
      model({ type: 'WordPiece', unk_token: 'a', max_input_chars_per_word: 2 ** 31 - 1, vocab: { a: 0 } }),
      long,
      'CONFIG',
    ],
    ['an added token of 20,000 characters', tiny(['a'], [], { added_tokens: [{ content: long }] }), long, 'CONFIG'],
    ['a prefix of 20,000 characters', model({ type: 'BPE', vocab: { a: 0 }, merges: [], continuing_subword_prefix: long }), 'aa', 'CONFIG'],
    [
      'a mark of 20,000 characters',
      tiny(['a'], [], { pre_tokenizer: { type: 'Metaspace', replacement: long } }),
      ' '.repeat(1000),
      'CONFIG',
    ],
    ['back references', split('(a+)+\\1$'), 'a', 'CONFIG'],
    ['5,000 copies in an expression', split('(?:a?){5000}a{5000}'), 'a', 'CONFIG'],
    [
      '300 special tokens around a text',
      tiny(['a'], [], {
        post_processor: {
          type: 'TemplateProcessing',
          single: [{ Sequence: { id: 'A' } }, ...Array(300).fill({ SpecialToken: { id: 'a' } })],
          special_tokens: { a: { ids: [0] } },
        },
      }),
      'a',
      'CONFIG',
    ],
  ])('with %s is an error at once', (_, json, text, code) => {
    expect(outcome(json, text)).toBe(code);
  });

  it.each(['(a+)+$', '(a|a)*$', '(a*)*b', 'a+$', '(?:a?){40}a{40}b', '(?=(a+)+$)a'])('cuts by %s in linear time', (regex) => {
    expect(outcome(split(regex), `${'a'.repeat(20_000)}!`)).toHaveLength(20_001);
  });

  it('may have 200,000 special tokens', () => {
    const added_tokens = Array.from({ length: 200_000 }, (_, index) => ({ content: `<extra_id_${index}>`, special: true }));
    expect(outcome(tiny(['a'], [], { added_tokens }), 'a<extra_id_7><extra_id_199999>a')).toEqual([0, 8, 200_000, 0]);
  });

  it('may have words of 20,000 characters', () => {
    const bpe = tiny(['a', 'aa', 'aaaa'], ['a a', 'aa aa']);
    expect(outcome(bpe, long)).toHaveLength(5000);
    expect(outcome(model({ type: 'WordPiece', unk_token: '?', vocab: { '?': 0, a: 1, '##a': 2 } }), long)).toEqual([0]);
  });
});

it('a SentencePiece model with pieces of 20,000 characters is an error at once', () => {
  const text = new TextEncoder().encode(long);
  const piece = Uint8Array.of(0x0a, 0xa0, 0x9c, 0x01, ...text);
  const bytes = Uint8Array.of(0x0a, 0xa4, 0x9c, 0x01, ...piece);
  expect(() => tokenizerFromSentencePiece(bytes)).toThrow(expect.objectContaining({ code: 'CONFIG' }));
});
