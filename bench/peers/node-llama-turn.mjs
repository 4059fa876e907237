/**
 * The second turn of a conversation with node-llama-cpp. Arguments: its main module, a GGUF file, threads, tokens of history, of the answer and of
 * the second turn. Writes one line of JSON, in milliseconds: until the first token after the history, and after the second turn.
 */
import { pathToFileURL } from 'node:url';

const [api = '', modelPath = '', ...numbers] = process.argv.slice(2);
const [threads = 1, history = 0, answer = 0, news = 0] = numbers.map(Number);
const { getLlama, LlamaLogLevel } = await import(pathToFileURL(api).href);
const llama = await getLlama({ build: 'never', gpu: false, maxThreads: 0, logLevel: LlamaLogLevel.error });
const model = await llama.loadModel({ modelPath });
const context = await model.createContext({ contextSize: history + answer + news + 512, threads });
const sequence = context.getSequence();
const vocabulary = model.fileInfo.metadata.tokenizer.ggml.tokens.length;

/** Reads what the sequence has not read of a text, and draws. The tokens, and when the first of them was there. */
async function draw(/** @type {number[]} */ text, /** @type {number} */ count) {
  const start = performance.now();
  await sequence.adaptStateToTokens(text); // keeps the longest beginning that its state, or a checkpoint, has
  let firstMs = 0;
  const drawn = [];
  for await (const token of sequence.evaluate(text.slice(sequence.nextTokenIndex), { temperature: 0 })) {
    firstMs ||= performance.now() - start;
    drawn.push(token);
    if (drawn.length >= count) break;
  }
  return { firstMs, drawn };
}

const tokens = (/** @type {number} */ count, /** @type {number} */ seed) =>
  Array.from({ length: count }, (_, i) => (i * 7919 + seed) % vocabulary);
await draw(tokens(16, 3), 2); // not counted
await sequence.clearHistory();
const first = await draw(tokens(history, 0), answer);
const second = await draw([...tokens(history, 0), ...first.drawn, ...tokens(news, 5)], 1);
console.log(JSON.stringify({ firstMs: first.firstMs, secondMs: second.firstMs, kept: sequence.nextTokenIndex }));
await llama.dispose();
