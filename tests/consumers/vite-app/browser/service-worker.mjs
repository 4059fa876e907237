// A service worker that answers as an OpenAI-compatible server, with a small model.
import { mamba } from '@densessm/mamba';
import { createHandler } from '@densessm/server';
import { byteTokenizer } from '@densessm/tokenizer';
import { setBackend } from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';

async function loadModel() {
  await setBackend('cpu');
  const config = mamba.parseConfig({ model_type: 'mamba', vocab_size: 257, hidden_size: 16, num_hidden_layers: 2, state_size: 4 });
  return { model: mamba, config, params: mamba.init(config, 3), tokenizer: byteTokenizer() };
}

const handler = createHandler(loadModel());
self.addEventListener('install', () => self.skipWaiting());
self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()));
self.addEventListener('fetch', (event) => {
  if (/^\/(?:v1\/|health|metrics)/.test(new URL(event.request.url).pathname)) event.respondWith(handler.fetch(event.request));
});
