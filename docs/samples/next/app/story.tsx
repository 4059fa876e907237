'use client';
import type { WorkerModel } from 'densessm/web';
import { useState } from 'react';

let loading: Promise<WorkerModel> | undefined;

async function load(): Promise<WorkerModel> {
  const { loadModelInWorker } = await import('densessm/web');
  // both lie in the folder `public`: the file of @tensorflow/tfjs-backend-wasm, and the model's
  return loadModelInWorker('/my-model', { wasmUrl: '/tfjs-backend-wasm-simd.wasm', weights: 'int8' });
}

/** Loads the model the first time, in a worker, so that the page never waits. */
async function continueText(prompt: string, onText: (text: string) => void): Promise<void> {
  loading ??= load().catch((error: unknown) => {
    loading = undefined; // the next call tries again
    throw error;
  });
  const model = await loading;
  for await (const text of model.stream(prompt, { maxTokens: 40 })) onText(text);
}

export function Story() {
  const [text, setText] = useState('Once upon a time');
  const [isWriting, setIsWriting] = useState(false);
  const [status, setStatus] = useState('');
  const write = async () => {
    setIsWriting(true);
    setStatus('');
    try {
      await continueText(text, (part) => setText((before) => before + part));
      setStatus('The text has ended.');
    } catch (error) {
      setStatus(`The text could not be written: ${error instanceof Error ? error.message : error}`);
    } finally {
      setIsWriting(false);
    }
  };
  return (
    <section>
      <p>{text}</p>
      <button type="button" disabled={isWriting} onClick={write}>
        Go on
      </button>
      <p role="status">{status}</p>
    </section>
  );
}
