import { expect, it } from 'vitest';
import * as tokenizer from './index';

it('exports what its README lists', () => {
  expect(Object.keys(tokenizer).sort()).toMatchInlineSnapshot(`
    [
      "TokenizerError",
      "byteTokenizer",
      "characterTokenizer",
      "chatPrompt",
      "chatText",
      "loadTokenizer",
      "messageEnds",
      "parseChatJson",
      "tokenizerFromJson",
      "tokenizerFromSentencePiece",
      "trainByteLevelBpe",
    ]
  `);
});
