const { contextBridge, ipcRenderer } = require('electron');

contextBridge.exposeInMainWorld('story', {
  go: (prompt) => ipcRenderer.invoke('continue', prompt),
  onText: (listener) => ipcRenderer.on('text', (_, part) => listener(part)),
});
