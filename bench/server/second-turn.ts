/**
 * Time to the first token of the second turn after a long history: node scripts/run.mjs bench/server/second-turn.ts [--history 10000]
 * [--weights int8] [--threads 2] [--layers 24] [--hidden 768] [--vocab 50280] [--work FOLDER] [--llama LLAMA_DIR] [--figures docs/serving.json]
 * Ours over HTTP, with /v1/chat/completions, which sends all messages again, and with /v1/responses, which names the previous answer; beside it
 * node-llama-cpp in its own process without HTTP, on the same random weights in q8_0 (bench/README.md says how to get it).
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startBackend } from '@densessm/runtime-node';
import { folderOf, smallMamba } from '../cpu/models';
import { readOptions } from '../cpu/options';
import { findPeers } from '../cpu/peers';
import { commit, keepResults, machine } from '../lib/results';
import { ask } from './client';
import { keepSecondTurn, type SecondTurn } from './levels';
import { ServerProcess } from './server-process';

const text = (fallback: string) => ({ type: 'string', default: fallback }) as const;
const { values } = parseArgs({
  options: {
    ...{ history: text('10000'), weights: text('int8'), threads: text('2'), layers: text('24'), hidden: text('768'), vocab: text('50280') },
    ...{ work: text(''), llama: text(process.env.LLAMA_DIR ?? ''), figures: text('') },
  },
});
const [ANSWER, QUESTION, MESSAGE] = [8, 'And what came then, after all of this?', 200];
const history = Number(values.history);
const sizes = { ...readOptions([]), layers: Number(values.layers), hidden: Number(values.hidden), vocab: Number(values.vocab) };
const work = values.work || mkdtempSync(join(tmpdir(), 'densessm-turn-'));
mkdirSync(work, { recursive: true });

await startBackend({ device: 'wasm', threads: 1 });
const folder = await folderOf(work, smallMamba(sizes));
const report: Record<string, unknown> = { date: new Date().toISOString(), commit: commit(), machine: machine(), options: values };
console.log(`${JSON.stringify(machine())}\n${JSON.stringify(values)}`);

/** Messages of some hundred bytes, of which each is a token here; the last one is the user's. */
function messagesOf(seed: string): { role: string; content: string }[] {
  const count = 2 * Math.round(history / MESSAGE / 2) - 1;
  const words = (i: number) =>
    Array.from({ length: MESSAGE / 8 }, (_, j) => `${seed}${(i * 97 + j * 31).toString(36).padStart(6, 'o')} `).join('');
  return Array.from({ length: count }, (_, i) => ({ role: i % 2 === 0 ? 'user' : 'assistant', content: words(i) }));
}

async function first(path: string, body: object): Promise<number> {
  const seen = await ask(server.url, path, body, 1);
  if (!seen) throw new Error('the server had no place for one client');
  return seen.firstMs;
}

const server = await ServerProcess.start(folder, values.weights, Number(values.threads));
const short = { messages: [{ role: 'user', content: 'Hi' }], max_tokens: 4 };
await first('/v1/chat/completions', short); // not counted
const ours = {
  ...(await chatTurns()),
  ...(await responseTurns()),
  short: await first('/v1/chat/completions', short),
  bytes: (await server.usage()).bytes,
};
await server.close();
report.ours = ours;
for (const [name, ms] of Object.entries(ours))
  console.log(`ours, ${name}: ${name === 'bytes' ? `${(ms / 2 ** 20).toFixed(0)} MiB` : `${ms.toFixed(0)} ms`}`);

async function chatTurns(): Promise<{ readChat: number; secondChat: number }> {
  const messages = messagesOf('a');
  const options = { max_tokens: ANSWER };
  const readChat = await first('/v1/chat/completions', { ...options, messages });
  const next = [...messages, { role: 'assistant', content: 'A'.repeat(ANSWER) }, { role: 'user', content: QUESTION }];
  return { readChat, secondChat: await first('/v1/chat/completions', { ...options, messages: next }) };
}

async function responseTurns(): Promise<{ secondResponse: number }> {
  const body = { input: messagesOf('b'), max_output_tokens: ANSWER, temperature: 0, logit_bias: { 65: 100 }, ignore_eos: true };
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(`${server.url}/v1/responses`, { method: 'POST', headers, body: JSON.stringify(body) });
  const { id } = (await answer.json()) as { id: string };
  return { secondResponse: await first('/v1/responses', { input: QUESTION, previous_response_id: id, max_output_tokens: ANSWER }) };
}

let nodeLlama: SecondTurn['nodeLlama'];
const peers = findPeers({ ...sizes, llama: values.llama, mambaC: '' }, work, folder);
const file = join(folder, 'q8_0.gguf');
if (peers.found.length > 0 && existsSync(file)) {
  const program = fileURLToPath(new URL('../peers/node-llama-turn.mjs', import.meta.url));
  const news = `\nUser: ${QUESTION}\nAssistant:`.length;
  const parameters = [
    join(values.llama, 'node_modules/node-llama-cpp/dist/index.js'),
    file,
    values.threads,
    values.history,
    ANSWER,
    news,
  ].map(String);
  nodeLlama = JSON.parse(execFileSync(process.execPath, [program, ...parameters], { encoding: 'utf8' })) as SecondTurn['nodeLlama'];
  console.log(`node-llama-cpp, q8_0, in process: ${JSON.stringify(nodeLlama)}`);
} else console.log(peers.missing.join('\n'));
report.nodeLlama = nodeLlama;
if (values.figures)
  keepSecondTurn(values.figures, {
    ...{ history, weights: values.weights, threads: Number(values.threads), layers: Number(values.layers), hidden: Number(values.hidden) },
    ...{ vocab: Number(values.vocab), ours, ...(nodeLlama && { nodeLlama }), machine: machine() },
  });
console.log(`kept in ${keepResults('server-second-turn', report as { date: string }).pathname}`);
