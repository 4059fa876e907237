import { describe, expect, it } from 'vitest';
import { RunLength } from './run-length';

describe('the length of a run', () => {
  it('doubles while tokens take little time, and is bounded by what they take', () => {
    const length = new RunLength();
    expect(length.tokens).toBe(0);
    const taken = [1, 2, 4, 8].map((tokens) => {
      length.took(tokens, tokens);
      return length.tokens;
    });
    expect(taken).toEqual([2, 4, 8, 16]);
    length.took(16, 16 * 7); // 60 ms are 8 tokens
    expect(length.tokens).toBe(8);
    length.took(8, 8 * 100);
    expect(length.tokens).toBe(1);
    length.took(1, 0);
    expect(length.tokens).toBe(2);
  });
});
