/** What the worker of worker.ts sends. */
type Message = { text: string } | { done: true } | { error: string };

const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' });

/** Continues a prompt in the worker, so that the page never waits. */
export function continueText(prompt: string, onText: (text: string) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<Message>) => {
      if ('text' in data) onText(data.text);
      else if ('error' in data) reject(new Error(data.error));
      else resolve();
    };
    worker.postMessage({ prompt, maxTokens: 40 });
  });
}
