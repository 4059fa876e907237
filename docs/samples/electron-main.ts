import { fileURLToPath } from 'node:url';
import { type LanguageModel, loadModel } from 'densessm';
import { app, BrowserWindow, ipcMain } from 'electron';

/** A file beside this one: a packaged application starts in any folder. */
const beside = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

let loading: Promise<LanguageModel> | undefined;

/** Loads the model the first time. */
function loaded(): Promise<LanguageModel> {
  loading ??= loadModel(beside('my-model'), { weights: 'int8' }).catch((error: unknown) => {
    loading = undefined; // the next call tries again
    throw error;
  });
  return loading;
}

ipcMain.handle('continue', async ({ sender }, call: string, prompt: string) => {
  const closed = new AbortController();
  const close = () => closed.abort();
  sender.once('destroyed', close);
  try {
    const model = await loaded();
    for await (const part of model.stream(prompt, { maxTokens: 40, signal: closed.signal })) {
      if (!sender.isDestroyed()) sender.send('text', call, part);
    }
    if (!sender.isDestroyed()) sender.send('text', call, null); // the end
  } finally {
    sender.off('destroyed', close);
  }
});

await app.whenReady();
const window = new BrowserWindow({ webPreferences: { preload: beside('preload.cjs') } });
await window.loadFile('index.html');
