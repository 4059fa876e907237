/** What the sample uses of Electron, which is not installed here. */
declare module 'electron' {
  interface Sender {
    send(channel: string, ...values: unknown[]): void;
  }
  export const app: { whenReady(): Promise<void> };
  export const ipcMain: { handle(channel: string, listener: (event: { sender: Sender }, prompt: string) => unknown): void };
  export class BrowserWindow {
    constructor(options: { webPreferences: { preload: string } });
    loadFile(path: string): Promise<void>;
  }
}
