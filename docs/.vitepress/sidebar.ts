import type { DefaultTheme } from 'vitepress';
import { commandNames } from './command-names';

type Item = DefaultTheme.SidebarItem;

const pages = (folder: string, list: readonly (readonly [string, string])[]): Item[] =>
  list.map(([text, name]) => ({ text, link: `/${name.startsWith('../') ? name.slice(3) : folder + name}` }));

const start: Item = {
  text: 'Start',
  items: pages('start/', [
    ['Why a fixed state', 'why'],
    ['Install', 'install'],
    ['First text', 'first-text'],
    ['Train in three minutes', 'train'],
    ['Where it runs', 'platforms'],
    ['Questions', 'faq'],
  ]),
};

const learn: Item = {
  text: 'Learn',
  items: pages('learn/', [
    ['RetNet', 'retnet'],
    ['Mamba', 'mamba'],
    ['Mamba-2: state space duality', 'mamba-2'],
    ['Dense connections', 'dense-connections'],
    ['Three forms, one answer', 'three-forms'],
    ['Hidden attention', 'hidden-attention'],
  ]),
};

const guides: Item = {
  text: 'Guides',
  items: pages('guides/', [
    ['Load a model', 'load-a-model'],
    ['Published models', 'published-models'],
    ['Generate and sample', 'generate'],
    ['Sessions and snapshots', 'sessions'],
    ['Chat', 'chat'],
    ['Train', 'train'],
    ['The command in detail', 'the-command'],
    ['Sweeps and sizes', 'sweeps'],
    ['Fine-tune and upcycle', 'fine-tune'],
    ['Evaluate', 'evaluate'],
    ['Quantize', 'quantize'],
    ['Browser and workers', 'browser'],
    ['WebGPU', 'webgpu'],
    ['Errors and their fixes', 'errors'],
    ['Write a kernel', 'write-a-kernel'],
    ['Write a model', 'write-a-model'],
    ['Choose a dense connection', 'choose-a-connection'],
    ['Several machines', '../distributed'],
  ]),
};

const integrate: Item = {
  text: 'Integrate',
  items: pages('integrate/', [
    ['HTTP server', 'server'],
    ['AI SDK', 'ai-sdk'],
    ['LangChain.js', 'langchain'],
    ['TensorFlow.js layers', 'tfjs-layers'],
    ['lm-evaluation-harness', 'lm-evaluation-harness'],
    ['Vite, Next and a CDN', 'vite-and-next'],
    ['Electron', 'electron'],
    ['From transformers.js', 'from-transformers-js'],
  ]),
};

const command: Item = {
  text: 'Command line',
  items: [
    { text: 'densessm', link: '/command/' },
    ...pages(
      'command/',
      commandNames().map((name) => [name, name] as const),
    ),
  ],
};

const measured: Item = {
  text: 'Measured',
  items: pages('', [
    ['Speed on the processor', 'speed'],
    ['Speed on a GPU', 'speed-gpu'],
    ['What the models learn', 'learning'],
    ['What rounding costs', 'quantized'],
    ['How to repeat it', 'repeat'],
  ]),
};

const inside: Item = {
  text: 'Inside',
  items: [
    { text: 'Architecture', link: '/architecture' },
    ...pages('inside/', [
      ['What is compared with what', 'checked'],
      ['Kernels', 'kernels'],
      ['Snapshot format', 'snapshot-format'],
      ['Quantized format', 'quantized-format'],
      ['Data and tokens', 'data'],
      ['Decisions', 'decisions'],
    ]),
  ],
};

/** Groups that fold are buttons with links inside, which screen readers do not tell apart. */
const open = (items: Item[]): Item[] =>
  items.map(({ collapsed: _, items: inner, ...item }) => ({ ...item, ...(inner && { items: open(inner) }) }));

/** The tree of the site; the API's own tree is what typedoc wrote. */
export const sidebar = (api: Item[]): DefaultTheme.SidebarMulti => ({
  '/api/': [{ text: 'API', link: '/api/', items: open(api) }],
  '/': [start, learn, guides, integrate, command, measured, { text: 'API', link: '/api/' }, inside],
});
