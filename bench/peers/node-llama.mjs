// Answers lines (lines.h) with node-llama-cpp's own interface, of which only `decode` is measured. Arguments: its main module and a GGUF file.
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

const [api = '', modelPath = ''] = process.argv.slice(2);
const { getLlama, LlamaLogLevel } = await import(pathToFileURL(api).href);
const llama = await getLlama({ build: 'never', gpu: false, maxThreads: 0, logLevel: LlamaLogLevel.error });
const model = await llama.loadModel({ modelPath });
const vocabulary = model.fileInfo.metadata.tokenizer.ggml.tokens.length;
const CONTEXT_SIZE = 2048;
let context = await model.createContext({ contextSize: CONTEXT_SIZE, threads: 1 });
let sequence = context.getSequence();

async function decode(/** @type {number} */ count) {
  if (sequence.nextTokenIndex + count > CONTEXT_SIZE) await sequence.clearHistory();
  const start = performance.now();
  for (let i = 0; i < count; i++) {
    const token = (i * 7919) % vocabulary;
    for await (const _ of sequence.evaluate([token], { temperature: 0 })) break;
  }
  return performance.now() - start;
}

async function answer(/** @type {string} */ line) {
  const [what, number] = line.trim().split(' ');
  if (what === 'decode') return decode(Number(number));
  if (what !== 'threads') throw new Error(`no answer to ${what}`);
  await context.dispose();
  context = await model.createContext({ contextSize: CONTEXT_SIZE, threads: Number(number) });
  sequence = context.getSequence();
  return 0;
}

console.log('ready');
for await (const line of createInterface({ input: process.stdin })) console.log((await answer(line)).toFixed(4));
await llama.dispose();
