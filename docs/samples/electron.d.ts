/** What the sample uses of Electron, which is not installed here. */
declare module 'electron' {
  interface Sender {
    send(channel: string, ...values: unknown[]): void;
    once(event: 'destroyed', listener: () => void): void;
    off(event: 'destroyed', listener: () => void): void;
    isDestroyed(): boolean;
  }
  export const app: { whenReady(): Promise<void> };
  export const ipcMain: { handle(channel: string, listener: (event: { sender: Sender }, call: string, prompt: string) => unknown): void };
  export class BrowserWindow {
    constructor(options: { webPreferences: { preload: string } });
    loadFile(path: string): Promise<void>;
  }
}
