import { fileURLToPath } from 'node:url';
import { loadModel } from 'densessm';
import { app, BrowserWindow, ipcMain } from 'electron';

const loading = loadModel('./my-model', { weights: 'int8' });

ipcMain.handle('continue', async ({ sender }, prompt: string) => {
  const model = await loading;
  for await (const part of model.stream(prompt, { maxTokens: 40 })) sender.send('text', part);
});

await app.whenReady();
const window = new BrowserWindow({ webPreferences: { preload: fileURLToPath(new URL('preload.cjs', import.meta.url)) } });
await window.loadFile('index.html');
