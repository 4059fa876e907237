/** Our side of check_tokenizer.py: `node check_tokenizer.ts COMMAND FOLDER` prints JSON. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  byteTokenizer,
  characterTokenizer,
  type Tokenizer,
  tokenizerFromJson,
  tokenizerFromSentencePiece,
  trainByteLevelBpe,
} from '@densessm/tokenizer';

const [command = '', folder = ''] = process.argv.slice(2);
const readJson = (name: string) => JSON.parse(readFileSync(join(folder, name), 'utf8'));
const files = (ending: string): string[] => readdirSync(folder).filter((name) => name.endsWith(ending));

interface Outcome {
  text: string;
  ids: number[];
  special: number[];
  plain: number[];
  lists: number[][];
  decoded: [string, string][];
}

function streamed(tokenizer: Tokenizer, ids: number[], skipSpecialTokens: boolean): string {
  const stream = tokenizer.decodeStream({ skipSpecialTokens });
  let text = '';
  for (let at = 0, size = 1; at < ids.length; at += size, size = (size % 3) + 1) text += stream.push(ids.slice(at, at + size));
  return text + stream.end();
}

/** All in which a tokenizer differs from what Python made of a text. */
function differences(tokenizer: Tokenizer, outcome: Outcome): string[] {
  const { text, ids, special, plain, lists, decoded } = outcome;
  const pairs: [string, unknown, unknown][] = [
    ['ids', ids, tokenizer.encode(text, { addSpecialTokens: false })],
    ['ids with special tokens', special, tokenizer.encode(text)],
    ['ids with special tokens as text', plain, tokenizer.encode(text, { addSpecialTokens: false, specialTokensAsText: true })],
  ];
  lists.forEach((list, index) => {
    [false, true].forEach((skipSpecialTokens, which) => {
      const expected = decoded[index]?.[which];
      pairs.push([`text of ${list}`, expected, tokenizer.decode(list, { skipSpecialTokens })]);
      pairs.push([`streamed text of ${list}`, expected, streamed(tokenizer, list, skipSpecialTokens)]);
    });
  });
  return pairs
    .map(([what, expected, got]) => [what, JSON.stringify(expected), JSON.stringify(got)] as const)
    .filter(([, expected, got]) => expected !== got)
    .map(([what, expected, got]) => `${JSON.stringify(text)}: ${what}: expected ${expected}, got ${got}`);
}

function read(): Record<string, string[]> {
  const wrong: Record<string, string[]> = {};
  for (const file of files('.json')) {
    const { name, tokenizer, outcomes } = readJson(file);
    try {
      const ours = tokenizerFromJson(tokenizer);
      wrong[name] = (outcomes as Outcome[]).flatMap((outcome) => differences(ours, outcome));
    } catch (error) {
      wrong[name] = [String(error)];
    }
  }
  return wrong;
}

async function make(): Promise<Record<string, unknown>> {
  const corpus: string[] = readJson('corpus.json');
  const texts: string[] = readJson('texts.json');
  const all = {
    bytes: byteTokenizer({ specialTokens: ['<s>', '</s>'] }),
    characters: characterTokenizer(corpus),
    'trained 300': await trainByteLevelBpe(corpus, { vocabSize: 300 }),
    'trained 1000': await trainByteLevelBpe(corpus, { vocabSize: 1000 }),
    'trained 4000': await trainByteLevelBpe(corpus, { vocabSize: 4000 }),
    'trained NFC': await trainByteLevelBpe(corpus, { vocabSize: 700, normalize: true, specialTokens: ['<s>', '</s>', '<pad>'] }),
  };
  return Object.fromEntries(
    Object.entries(all).map(([name, tokenizer]) => {
      const ids = texts.map((text) => tokenizer.encode(text));
      return [name, { tokenizer, ids, decoded: ids.map((one) => tokenizer.decode(one)) }];
    }),
  );
}

function sentencepiece(): Record<string, unknown> {
  const texts: string[] = readJson('texts.json');
  return Object.fromEntries(
    files('.model').map((file) => {
      const tokenizer = tokenizerFromSentencePiece(readFileSync(join(folder, file)));
      return [file, { tokenizer, ids: texts.map((text) => tokenizer.encode(text, { addSpecialTokens: false })) }];
    }),
  );
}

function chats(): Record<string, unknown> {
  const tokenizer = byteTokenizer({ specialTokens: ['<s>', '</s>'] });
  const texts = readJson('chats.json').map(({ template, messages, prompt, tools }: Record<string, never>) =>
    tokenizer.applyChatTemplate(messages, { template, addGenerationPrompt: prompt, tools: tools ?? undefined }),
  );
  return { texts };
}

const commands: Record<string, () => unknown> = { read, make, sentencepiece, chats };
process.stdout.write(JSON.stringify(await commands[command]?.()));
