import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Tokenizer, TokenizerError, tokenizerFromJson, tokenizerFromSentencePiece } from '@densessm/tokenizer';
import { damagedBytes, damagedJson, type Random } from '../../../apps/trainer/src/test-support/damage';
import { root } from '../command.mjs';
import { type Attempt, readOrRefused, type Target } from './target';

const FIXTURES = join(root, 'packages/tokenizer/fixtures');
const COMPANIONS = {
  bos_token: '<s>',
  eos_token: { content: '</s>', lstrip: true },
  add_bos_token: true,
  added_tokens_decoder: { 9: { content: '<t>', lstrip: true, rstrip: false, single_word: true, special: true } },
};
const TEMPLATE = `{%- macro show(m, n=1) %}{{ m.role | upper ~ ':' }}{% for c in m.content %}{{ c }}{% endfor %}{% endmacro %}
{%- set ns = namespace(i=0) %}{% for m in messages if m.role != 'x' %}{% set ns.i = ns.i + 1 %}{{ show(m) }}{{ m | tojson(indent=2) }}
{{- '%05.2f' % 1.5 }}{{ m.content.split(' ')[-1][::-1] }}{% if loop.last and not tools %}{{ strftime_now('%Y') }}{% endif %}{% endfor %}
{{- range(3) | list }}{{ {'a': [1, 2.5, none]}.items() | map('first') | join(',') }}{{ ns.i // 2 ** 3 }}`;
/** What such texts consist of. */
const PARTS = [
  '"',
  '{',
  '}',
  '[',
  ']',
  ':',
  ',',
  '0',
  '-1',
  '1e9',
  'null',
  '(',
  ')',
  '+',
  '*',
  '{{',
  '%}',
  '{%',
  '|',
  ' in ',
  'for ',
  'range(',
  '**',
];
const MESSAGES = [
  { role: 'user', content: 'a b' },
  { role: 'assistant', content: 'c' },
];

const pick = <T>(list: readonly T[], random: Random): T => list[Math.floor(random() * list.length)] as T;

/** A text in which some places are overwritten by parts that such files have. */
function damagedText(text: string, random: Random): string {
  let damaged = text;
  for (let edits = 1 + Math.floor(random() * 4); edits > 0; edits--) {
    const [at, length] = [Math.floor(random() * damaged.length), Math.floor(random() * 7)];
    damaged = damaged.slice(0, at) + pick(PARTS, random) + damaged.slice(at + length);
  }
  return damaged;
}

const damagedContent = (content: unknown, random: Random): string =>
  random() < 0.6 ? (JSON.stringify(damagedJson(content, random)) ?? '') : damagedText(JSON.stringify(content), random);

function use(tokenizer: Tokenizer): void {
  tokenizer.decode(tokenizer.encode('ab <s> aab 12<t> Ünïcode 🙂\n\n  the cat'), { unknownIds: 'skip' });
  tokenizer.decode([0, 1, 2, 3], { unknownIds: 'skip' });
}

/** Of a large vocabulary a part: reading it again and again takes the time. */
function shortened(json: unknown): unknown {
  const { model, ...rest } = json as { model: { vocab: unknown; merges?: unknown[] } };
  const { vocab, merges } = model;
  const part = Array.isArray(vocab)
    ? vocab.slice(0, 300)
    : Object.fromEntries(Object.entries(vocab as object).filter(([, id]) => id < 300));
  const known = new Set(Array.isArray(part) ? [] : Object.keys(part));
  const isKnown = (merge: unknown): boolean => {
    const [left = '', right = ''] = Array.isArray(merge) ? merge : String(merge).split(' ');
    return known.has(left) && known.has(right) && known.has(left + right);
  };
  return { ...rest, added_tokens: [], model: { ...model, vocab: part, ...(merges && { merges: merges.filter(isKnown) }) } };
}

async function firstLine(name: string): Promise<unknown> {
  const [line = ''] = (await readFile(join(FIXTURES, `${name}.jsonl`), 'utf8')).split('\n', 1);
  return shortened(JSON.parse(line));
}

/** tokenizer.json of several kinds, the files beside it, SentencePiece models and chat templates. */
export const tokenizer: Target = {
  attempts: async () => {
    const attempts: [string, Attempt][] = [];
    for (const name of ['gpt-neox', 'llama', 'unigram']) {
      const content = await firstLine(name);
      attempts.push([
        `${name}'s tokenizer.json`,
        (random) => readOrRefused(() => use(tokenizerFromJson(damagedContent(content, random), {}))),
      ]);
      const beside = (random: Random): void => use(tokenizerFromJson(content, { config: damagedContent(COMPANIONS, random) }));
      attempts.push([`tokenizer_config.json of ${name}`, (random) => readOrRefused(() => beside(random))]);
    }
    for (const name of ['sentencepiece-bpe.model', 'sentencepiece-unigram.model']) {
      const whole = await readFile(join(FIXTURES, name));
      attempts.push([name, (random) => readOrRefused(() => use(tokenizerFromSentencePiece(damagedBytes(whole, random), {})))]);
    }
    const plain = tokenizerFromJson(await firstLine('gpt-neox'), {});
    const render = (template: string): string => plain.applyChatTemplate(MESSAGES, { template });
    attempts.push(['a chat template', (random) => readOrRefused(() => render(damagedText(TEMPLATE, random)))]);
    if (!render(TEMPLATE).includes('USER:'))
      throw new TokenizerError({ code: 'CONFIG', what: 'fuzz', expected: 'USER:', got: 'none', fix: '' });
    return Object.fromEntries(attempts);
  },
};
