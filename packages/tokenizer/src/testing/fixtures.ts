import { readFileSync } from 'node:fs';
import { type CompanionFiles, tokenizerFromJson } from '../from-json';
import type { Tokenizer } from '../tokenizer';

/** Content of a tokenizer.json with a model of a few tokens; see `tiny`. */
export type TokenizerContent = Record<string, unknown>;

export const fixtureBytes = (name: string): Uint8Array => readFileSync(new URL(`../../fixtures/${name}`, import.meta.url));

/** The lines of a fixture, parsed. The script that made them is tests/python/make_tokenizer_fixture.py. */
export function fixtureLines<T = unknown>(name: string): T[] {
  const text = new TextDecoder().decode(fixtureBytes(`${name}.jsonl`));
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

export const fixtureTexts = (): string[] => fixtureLines<string>('texts');

export function fixtureTokenizer(name: string, companions?: CompanionFiles): Tokenizer {
  return tokenizerFromJson(fixtureLines(name)[0], companions);
}

/** A BPE whose vocabulary is a few tokens, in the order of their ids. */
export function tiny(tokens: readonly string[], merges: readonly string[] = [], parts: TokenizerContent = {}): TokenizerContent {
  const vocab = Object.fromEntries(tokens.map((token, id) => [token, id]));
  return { version: '1.0', decoder: { type: 'Fuse' }, model: { type: 'BPE', vocab, merges }, ...parts };
}

/** All that a function throws, as text; what it returns is an error of the test. */
export function thrown(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    return String(error);
  }
  throw new Error('nothing was thrown');
}
