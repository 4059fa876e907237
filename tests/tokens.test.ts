import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { tokenizerFromJson, tokenizerFromSentencePiece } from '@densessm/tokenizer';
import { expect, it } from 'vitest';
import { root } from '../scripts/lib/command.mjs';
import { readTokenLines, tokenDifferences } from '../scripts/lib/token-lines';

/** Texts and tokenizers of others, which lie beside the repository where it is developed and are not committed. */
const shared = join(root, '..', 'shared');
const tokenizers = join(shared, 'data', 'tokenizers');
const lines = join(shared, 'fixtures', 'tokenizer', 'tokens_public.jsonl');
const isHere = existsSync(lines) && existsSync(tokenizers);

const CASES = [
  ['llama', 'llama/tokenizer.json'],
  ['llama', 'llama/tokenizer.model'],
  ['gpt-neox-20b', 'gpt-neox-20b.tokenizer.json'],
] as const;

const read = (file: string) => {
  const bytes = readFileSync(join(tokenizers, file));
  return file.endsWith('.model') ? tokenizerFromSentencePiece(bytes) : tokenizerFromJson(bytes.toString('utf8'));
};

if (isHere)
  it.each(CASES)('reproduces every reference line of %s with %s', (key, file) => {
    const all = readTokenLines(readFileSync(lines, 'utf8'), key);
    expect(all.length).toBeGreaterThan(500);
    expect(tokenDifferences(read(file), all)).toEqual([]);
  });
else
  it('DID NOT compare with the published tokenizers: ../shared is not beside this repository', () => {
    process.stderr.write(`tokens.test.ts: no ${lines}; only the small tokenizers of packages/tokenizer/fixtures were compared\n`);
    expect(isHere).toBe(false);
  });

it('finds what differs, and where', () => {
  const tokenizer = tokenizerFromJson({ model: { type: 'BPE', vocab: { a: 0, b: 1 }, merges: [] }, decoder: { type: 'Fuse' } });
  const line = (text: string, ids: number[]) =>
    JSON.stringify({ text, key: { ids, ids_special: null, decoded: text, decoded_skip: text } });
  const jsonl = [line('ab', [0, 1]), line('ab', [1, 0]), ''].join('\n');
  const differences = tokenDifferences(tokenizer, readTokenLines(jsonl, 'key'));
  expect(differences.map(({ line: number, what }) => [number, what])).toEqual([
    [2, 'ids'],
    [2, 'decoded'],
    [2, 'decoded_skip'],
  ]);
  expect(() => readTokenLines(jsonl, 'other')).toThrow('line 1 has no text with ids under "other"; it has key');
});
