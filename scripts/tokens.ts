/**
 * npm run tokens -- TOKENIZER FILE.jsonl KEY: encodes and decodes every text of FILE with TOKENIZER (a tokenizer.json or a
 * SentencePiece .model) and compares with what the file has under KEY: ids, ids with special tokens, decoded text, decoded
 * text without special tokens. Exits 1 where a line differs, 2 on wrong usage.
 */
import { readFileSync } from 'node:fs';
import { type Tokenizer, tokenizerFromJson, tokenizerFromSentencePiece } from '@densessm/tokenizer';
import { readTokenLines, tokenDifferences } from './lib/token-lines';

const USAGE = 'usage: npm run tokens -- TOKENIZER.json FILE.jsonl KEY';
/** Differences that are printed in full. */
const SHOWN = 20;

function main(): number {
  const [tokenizerPath, linesPath, key, ...others] = process.argv.slice(2);
  if (!tokenizerPath || !linesPath || !key || others.length > 0) {
    console.error(USAGE);
    return 2;
  }
  const tokenizer = read(tokenizerPath);
  const lines = readTokenLines(readFileSync(linesPath, 'utf8'), key);
  const differences = tokenDifferences(tokenizer, lines);
  for (const { line, what, expected, got } of differences.slice(0, SHOWN))
    console.log(`line ${line}, ${what}\n  expected  ${expected}\n  got       ${got}`);
  if (differences.length > SHOWN) console.log(`and ${differences.length - SHOWN} more`);
  const bad = new Set(differences.map(({ line }) => line)).size;
  console.log(`${lines.length} lines, ${bad} differ`);
  return bad > 0 || lines.length === 0 ? 1 : 0;
}

const read = (path: string): Tokenizer =>
  path.endsWith('.model') ? tokenizerFromSentencePiece(readFileSync(path)) : tokenizerFromJson(readFileSync(path, 'utf8'));

try {
  process.exitCode = main();
} catch (error) {
  console.error(error instanceof Error ? String(error) : error);
  process.exitCode = 2;
}
