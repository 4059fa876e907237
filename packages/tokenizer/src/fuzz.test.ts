import fc from 'fast-check';
import { expect, it } from 'vitest';
import { tiny } from '../fixtures';
import { renderChat } from './chat-template';
import { TokenizerError } from './errors';
import { tokenizerFromJson } from './from-json';

const pre_tokenizer = {
  type: 'Sequence',
  pretokenizers: [{ type: 'Split', pattern: { Regex: '\\s+(?!\\S)|\\s+|a+' }, behavior: 'Isolated' }, { type: 'Digits' }],
};
const normalizer = { type: 'Sequence', normalizers: [{ type: 'NFC' }, { type: 'Replace', pattern: { String: 'b' }, content: 'ab' }] };
const FILES = {
  json: JSON.stringify(
    tiny(['a', 'b', 'ab', ' '], ['a b'], { pre_tokenizer, normalizer, added_tokens: [{ content: '<s>', special: true }] }),
  ),
  config: JSON.stringify({
    eos_token: '<s>',
    added_tokens_decoder: { 9: { content: '<t>', lstrip: true } },
    chat_template: '{{ bos_token }}',
  }),
};
const TEMPLATE =
  "{% for m in messages %}{{ m['role'] | trim ~ ':' }}{% if loop.last %}{{ m.content | tojson }}{% endif %}{% endfor %}{{ [1, 2][0:1] }}";

/** A text in which some places are overwritten by parts that such files have. */
const damaged = (text: string) =>
  fc
    .array(
      fc.tuple(
        fc.nat(text.length),
        fc.nat(6),
        fc.constantFrom('"', '{', '}', '[', ']', ':', ',', '0', '-1', '1e9', 'null', '"a"', '(', '+', '*', '{{', '%}', '|', 'in'),
      ),
      { minLength: 1, maxLength: 4 },
    )
    .map((edits) => edits.reduce((now, [at, length, part]) => now.slice(0, at) + part + now.slice(at + length), text));

it('a damaged tokenizer.json or tokenizer_config.json is read or is a TokenizerError', () => {
  const action = (json: string, config: string): void => {
    try {
      const tokenizer = tokenizerFromJson(json, { config });
      tokenizer.decode(tokenizer.encode('ab <s> aab 12<t>'), { unknownIds: 'skip' });
      tokenizer.applyChatTemplate([{ role: 'user', content: 'a' }]);
    } catch (error) {
      expect(error).toBeInstanceOf(TokenizerError);
    }
  };
  fc.assert(
    fc.property(damaged(FILES.json), (json) => action(json, FILES.config)),
    { seed: 1, numRuns: 300 },
  );
  fc.assert(
    fc.property(damaged(FILES.config), (config) => action(FILES.json, config)),
    { seed: 2, numRuns: 300 },
  );
});

it('a damaged template renders or is a TokenizerError', () => {
  const messages = [{ role: ' user ', content: 'a' }];
  fc.assert(
    fc.property(damaged(TEMPLATE), (template) => {
      try {
        expect(typeof renderChat(new Map([['default', template]]), messages, {}, { bos_token: '<s>' })).toBe('string');
      } catch (error) {
        expect(error).toBeInstanceOf(TokenizerError);
      }
    }),
    { seed: 3, numRuns: 300 },
  );
});
