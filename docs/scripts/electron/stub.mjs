// What docs/samples uses of Electron, without Electron: messages are copied by the structured clone, as Electron's are, and the window is this program.
import { EventEmitter } from 'node:events';
import { readFileSync } from 'node:fs';

const handlers = new Map();
const renderer = new EventEmitter();
/** What handlers have begun. */
const running = [];

/** The contents of the window: to send to them after they are gone is an error, as in Electron. */
class Sender extends EventEmitter {
  #isDestroyed = false;
  isDestroyed() {
    return this.#isDestroyed;
  }
  send(channel, ...values) {
    if (this.#isDestroyed) throw new TypeError('Object has been destroyed');
    renderer.emit(channel, {}, ...structuredClone(values));
  }
  destroy() {
    this.#isDestroyed = true;
    this.emit('destroyed');
  }
}

const sender = new Sender();

const ipcRenderer = {
  on: (channel, listener) => renderer.on(channel, listener),
  off: (channel, listener) => renderer.off(channel, listener),
  invoke: async (channel, ...values) => {
    const work = handlers.get(channel)({ sender }, ...structuredClone(values));
    running.push(work);
    return structuredClone(await work);
  },
};

/** What the preload script gives to the window. */
function exposedBy(preload) {
  const exposed = {};
  const contextBridge = { exposeInMainWorld: (name, value) => Object.assign(exposed, { [name]: value }) };
  const required = (name) => {
    if (name !== 'electron') throw new Error(`a sandboxed preload script has no ${name}`);
    return { contextBridge, ipcRenderer };
  };
  new Function('require', readFileSync(preload, 'utf8'))(required);
  return exposed;
}

/** Two texts at once, each by the parts that came for it. */
async function writeTwo({ go }) {
  const texts = [[], []];
  await Promise.all(['Once upon a time', 'there was a'].map((prompt, i) => go(prompt, (part) => texts[i].push(part))));
  return texts;
}

/** A text whose window is closed at its first part: how many parts came, and how its handler ended. */
async function closeAtFirst({ go }) {
  let parts = 0;
  go('Once upon a time', () => {
    parts++;
    sender.destroy();
  });
  const [end] = await Promise.allSettled([running.at(-1)]);
  return { parts, end: end.status === 'fulfilled' ? 'fulfilled' : String(end.reason), listeners: sender.listenerCount('destroyed') };
}

export const app = { whenReady: async () => undefined };
export const ipcMain = { handle: (channel, listener) => handlers.set(channel, listener) };
export class BrowserWindow {
  constructor({ webPreferences: { preload } }) {
    this.preload = preload;
  }
  async loadFile() {
    const { story } = exposedBy(this.preload);
    const texts = await writeTwo(story);
    const leftListening = renderer.listenerCount('text');
    process.stdout.write(`${JSON.stringify({ texts, leftListening, closed: await closeAtFirst(story) })}\n`);
    process.exit(); // as a window that closes ends the application
  }
}
