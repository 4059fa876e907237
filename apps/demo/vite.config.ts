import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig, type Plugin } from 'vite';
import { offline } from './offline-plugin';

/** The page starts a worker of its own. That of the package is there once the package is built, and not beside its sources, where Vite would look for it. */
const ownWorker: Plugin = {
  name: 'own-worker',
  enforce: 'pre',
  transform: (code, id) =>
    id.endsWith('/densessm/src/web/create-worker-client.ts')
      ? code.replace("new URL('./worker-script.js'", "new URL(/* @vite-ignore */ './worker-script.js'")
      : undefined,
};

export default defineConfig({
  base: './', // any sub-path, any static host
  plugins: [ownWorker, svelte(), offline()],
  resolve: { conditions: ['@densessm/source', 'browser', 'module', 'import', 'default'] },
  worker: { format: 'es' },
  build: { target: 'es2022', modulePreload: { polyfill: false }, assetsInlineLimit: 0, chunkSizeWarningLimit: 1500 },
  server: { headers: { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' } },
});
