// What docs/samples uses of Electron, without Electron: messages are copied by the structured clone, as Electron's are, and the window is this program.
import { readFileSync } from 'node:fs';

const handlers = new Map();
const listeners = new Map();

const ipcRenderer = {
  invoke: async (channel, ...values) => {
    const send = (to, ...sent) => listeners.get(to)?.({}, ...structuredClone(sent));
    return structuredClone(await handlers.get(channel)({ sender: { send } }, ...structuredClone(values)));
  },
  on: (channel, listener) => listeners.set(channel, listener),
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

export const app = { whenReady: async () => undefined };
export const ipcMain = { handle: (channel, listener) => handlers.set(channel, listener) };
export class BrowserWindow {
  constructor({ webPreferences: { preload } }) {
    this.preload = preload;
  }
  async loadFile() {
    const { story } = exposedBy(this.preload);
    const parts = [];
    story.onText((part) => parts.push(part));
    await story.go('Once upon a time');
    process.stdout.write(`${JSON.stringify(parts)}\n`);
    process.exit(); // as a window that closes ends the application
  }
}
