import { describe, expect, it } from 'vitest';
import { fixtureBytes, fixtureLines, tiny } from '../fixtures';
import { tokenizerFromJson } from './from-json';
import { loadTokenizer } from './load';
import type { SpecialIds, Tokenizer } from './tokenizer';

/** A folder of files and what transformers makes of it: tests/python/make_companion_fixture.py. */
interface Case {
  name: string;
  files: Record<string, unknown>;
  /** Text, ids, ids with special tokens, decoded, decoded without special tokens. */
  texts: [string, number[], number[], string, string][];
  special: SpecialIds;
  /** Content and whether it is special, by id. */
  added: Record<string, [string, boolean]>;
  chat: Record<'plain' | 'tools' | 'rag', string | null> | null;
}

const cases = fixtureLines<Case>('companions').map((one) => [one.name, one] as const);

const bytesOf = (name: string, content: unknown): Uint8Array => {
  if (name.endsWith('.model')) return fixtureBytes(String(content));
  return new TextEncoder().encode(typeof content === 'string' ? content : JSON.stringify(content));
};
const open = ({ files }: Pick<Case, 'files'>): Promise<Tokenizer> =>
  loadTokenizer((name) => (name in files ? bytesOf(name, files[name]) : null));

describe('companion files give tokens as transformers has them', () => {
  it.each(cases)('%s', async (_, one) => {
    const tokenizer = await open(one);
    const isFramed = 'tokenizer.json' in one.files; // of a .model, transformers' general class has no first token
    for (const [text, ids, framed, decoded, plain] of one.texts) {
      // SentencePiece puts ▁ before a first space, too, and so do we; transformers 5 does not
      if (!isFramed && text.startsWith(' ')) continue;
      expect([text, tokenizer.encode(text, { addSpecialTokens: false })]).toEqual([text, ids]);
      if (!isFramed) continue;
      expect([text, tokenizer.encode(text)]).toEqual([text, framed]);
      expect([tokenizer.decode(ids), tokenizer.decode(ids, { skipSpecialTokens: true })]).toEqual([decoded, plain]);
    }
    const named = Object.entries(one.special).filter(([, id]) => id !== null);
    expect(tokenizer.specialIds).toMatchObject(Object.fromEntries(named));
    const added = Object.entries(one.added).map(([id, [content, special]]) => [content, Number(id), special]);
    expect(added.map(([content, id]) => [content, tokenizer.tokenToId(String(content)), tokenizer.isSpecial(Number(id))])).toEqual(added);
  });

  it.each(cases.filter(([, { chat }]) => chat))('%s, for a conversation', async (_, { files, chat }) => {
    const tokenizer = await open({ files });
    const messages = [{ role: 'user', content: 'hi' }];
    const render = (options: object) => tokenizer.applyChatTemplate(messages, options);
    if (chat?.plain === null) expect(() => render({})).toThrow(expect.objectContaining({ code: 'CONFIG' }));
    else expect(render({})).toBe(chat?.plain);
    expect(render({ tools: [{ type: 'function' }] })).toBe(chat?.tools);
    if ('additional_chat_templates/rag.jinja' in files) expect(render({ template: 'rag' })).toBe(chat?.rag);
  });

  it('keeps the tokens in the tokenizer.json that it gives back', async () => {
    for (const [, one] of cases) {
      const tokenizer = await open(one);
      const again = tokenizerFromJson(JSON.stringify(tokenizer));
      for (const [text] of one.texts) expect(again.encode(text)).toEqual(tokenizer.encode(text));
    }
  });
});

describe('warnings of a tokenizer', () => {
  it('tell of a named token that no vocabulary has, and of an id that is not the one of its file', () => {
    const config = { eos_token: '</s>', added_tokens_decoder: { 9: { content: '<turn>' } } };
    expect(tokenizerFromJson(tiny(['a']), { config }).warnings).toEqual([
      'the added token "<turn>" has the id 1, as in transformers; its file says 9',
      'eos_token "</s>" was in no vocabulary and got the new id 2, as in transformers; a model may have no row for it',
    ]);
    expect(tokenizerFromJson(tiny(['a', '</s>']), { config: { eos_token: '</s>' } }).warnings).toEqual([]);
  });

  it('are errors where a companion file is broken', () => {
    for (const companions of [
      { config: { added_tokens_decoder: [] } },
      { config: { added_tokens_decoder: { x: { content: 'a' } } } },
      { config: { added_tokens_decoder: { 1: {} } } },
      { config: { added_tokens_decoder: { 1: { content: 'a', special: 'yes' } } } },
      { addedTokens: { a: -1 } },
      { addedTokens: '[' },
    ])
      expect(() => tokenizerFromJson(tiny(['a']), companions)).toThrow(expect.objectContaining({ code: 'FILE' }));
  });
});
