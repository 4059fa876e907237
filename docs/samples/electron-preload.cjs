const { contextBridge, ipcRenderer } = require('electron');

contextBridge.exposeInMainWorld('story', {
  /** Gives the parts of a text to `onPart`, and resolves when it has ended. Several may be written at once: each has an id. */
  go: (prompt, onPart) =>
    new Promise((resolve, reject) => {
      const call = crypto.randomUUID();
      const listener = (_, of, part) => {
        if (of !== call) return;
        if (part !== null) onPart(part);
        else end(resolve);
      };
      const end = (settle, error) => {
        ipcRenderer.off('text', listener);
        settle(error);
      };
      ipcRenderer.on('text', listener);
      ipcRenderer.invoke('continue', call, prompt).catch((error) => end(reject, error));
    }),
});
