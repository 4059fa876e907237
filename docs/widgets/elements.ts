/**
 * Components of apps/demo as custom elements. `docs/scripts/elements.ts` bundles them, and the worker beside them, into files that a page loads when a reader
 * sees or asks for one: they and the tensor code are no part of what VitePress bundles.
 */
import { createWorkerClient } from 'densessm/web';
import { type Component, mount, unmount } from 'svelte';
import uplot from '../../apps/demo/node_modules/uplot/dist/uPlot.min.css';
import LookInside from '../../apps/demo/src/elements/LookInside.svelte';
import TrainTwins from '../../apps/demo/src/elements/TrainTwins.svelte';
import base from '../../apps/demo/src/styles/base.css';
import controls from '../../apps/demo/src/styles/controls.css';
import tokens from '../../apps/demo/src/styles/tokens.css';

/** The demo's own look, with the site's choice of light or dark. */
const HOST = ':host { display: block; color-scheme: inherit; color: var(--ink); font: var(--text) / 1.5 var(--sans); }';
const sheet = new CSSStyleSheet();
sheet.replaceSync(`${uplot}${[tokens, base, controls].join('').replaceAll(':root', ':host')}${HOST}`);

function define(
  name: string,
  component: Component<Record<string, unknown>>,
  propsOf: (element: HTMLElement) => Record<string, unknown>,
): void {
  if (customElements.get(name)) return;
  customElements.define(
    name,
    class extends HTMLElement {
      #mounted: Record<string, unknown> | undefined;
      connectedCallback(): void {
        const target = this.shadowRoot ?? this.attachShadow({ mode: 'open' });
        target.adoptedStyleSheets = [sheet];
        this.#mounted = mount(component, { target, props: propsOf(this) });
      }
      disconnectedCallback(): void {
        if (this.#mounted) void unmount(this.#mounted);
        this.#mounted = undefined;
      }
    },
  );
}

const nearby = (file: string): URL => new URL(`./${file}`, import.meta.url);

define('ssm-train-twins', TrainTwins, () => ({
  connect: () =>
    createWorkerClient({
      worker: () => new Worker(nearby('engine-worker.js'), { type: 'module' }),
      wasmUrl: nearby('tfjs-backend-wasm-simd.wasm'),
    }),
  options: {
    ...{ hiddenSize: 48, numHiddenLayers: 3, denseLayers: 1, batchSize: 6, blockSize: 64, maxSteps: 120 },
    ...{ text: { kind: 'stories', characters: 200_000 }, evalInterval: 20, sampleInterval: 20, saveIntervalMs: 0 },
  },
}));

define('ssm-look-inside', LookInside, ({ dataset }) => ({ example: dataset.example, measure: dataset.measure, below: dataset.below }));
