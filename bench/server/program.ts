/**
 * A server in a process of its own. Arguments: the folder of a model, the type of its weights, threads, requests that may wait. It sends its
 * address, and answers each message with the bytes that it holds and the processor time that it has taken.
 */
import { createHandler } from '@densessm/server';
import { listen } from '@densessm/server/node';
import type { WeightType } from '@densessm/ssm-core';
import { byteTokenizer } from '@densessm/tokenizer';
import { loadModel } from 'densessm';

const [folder = '', weights = 'int8', threads = '2', maxWaiting = '256'] = process.argv.slice(2);
const tokenizer = byteTokenizer();
const model = await loadModel(folder, { device: 'wasm', weights: weights as WeightType, threads: Number(threads), tokenizer });
const handler = createHandler(model, { name: 'bench', maxWaiting: Number(maxWaiting) });
const server = await listen(handler, { port: 0 });
process.on('message', () => {
  const { user, system } = process.cpuUsage();
  process.send?.({ bytes: process.memoryUsage().rss, cpuMs: (user + system) / 1000 });
});
process.once('disconnect', () => void server.close().then(() => process.exit()));
process.send?.({ url: server.url });
