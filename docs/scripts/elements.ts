/** The custom elements of the site's live widgets: apps/demo's components and the worker with the tensor code, bundled by esbuild in some two seconds. */
import { copyFileSync, mkdirSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { build, type Plugin } from 'esbuild';
import sveltePlugin from 'esbuild-svelte';
import { root } from '../../scripts/lib/command.mjs';

const WASM = '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm';
const TRACES = ['story', 'hiding'];
const widgets = join(root, 'docs', 'widgets');

/** What the demo's components know of the page around them, said by the site. */
const site: Plugin = {
  name: 'site',
  setup({ onResolve }) {
    onResolve({ filter: /\/state\/theme\.svelte$/ }, () => ({ path: join(widgets, 'theme.svelte.ts') }));
    onResolve({ filter: /\/state\/engine\.svelte$/ }, () => ({ path: join(widgets, 'no-engine.ts') }));
  },
};

/** Writes the elements and what they read into the folder of files that VitePress copies; the bytes of the element's own script. */
export async function writeElements(publicFolder: string): Promise<number> {
  const elements = join(publicFolder, 'elements');
  const traces = join(publicFolder, 'learn', 'traces'); // where a page of Learn looks for them
  for (const folder of [elements, traces]) {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
  }
  const shared = {
    outdir: elements,
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    logLevel: 'error',
  } as const;
  await build({
    ...shared,
    entryPoints: [join(widgets, 'elements.ts')],
    conditions: ['@densessm/source', 'svelte', 'browser', 'production'],
    loader: { '.css': 'text' },
    plugins: [site, sveltePlugin({ compilerOptions: { runes: true, css: 'injected' } })],
  });
  await build({
    ...shared,
    entryPoints: [join(widgets, 'engine-worker.ts')],
    conditions: ['@densessm/source', 'browser'],
    splitting: true,
  });
  copyFileSync(createRequire(import.meta.url).resolve(WASM), join(elements, 'tfjs-backend-wasm-simd.wasm'));
  for (const name of TRACES) copyFileSync(join(root, 'apps', 'demo', 'public', 'traces', `${name}.bin`), join(traces, `${name}.bin`));
  return statSync(join(elements, 'elements.js')).size;
}
