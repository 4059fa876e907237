'use client';
import type { WorkerModel } from 'densessm/web';
import { useState } from 'react';

let loading: Promise<WorkerModel> | undefined;

/** Loads the model the first time, in a worker, so that the page never waits. */
async function continueText(prompt: string, onText: (text: string) => void): Promise<void> {
  loading ??= import('densessm/web').then(({ loadModelInWorker }) =>
    // both lie in the folder `public`: the file of @tensorflow/tfjs-backend-wasm, and the model's
    loadModelInWorker('/my-model', { wasmUrl: '/tfjs-backend-wasm-simd.wasm', weights: 'int8' }),
  );
  const model = await loading;
  for await (const text of model.stream(prompt, { maxTokens: 40 })) onText(text);
}

export function Story() {
  const [text, setText] = useState('Once upon a time');
  const [isWriting, setIsWriting] = useState(false);
  const write = async () => {
    setIsWriting(true);
    await continueText(text, (part) => setText((before) => before + part));
    setIsWriting(false);
  };
  return (
    <section>
      <p aria-live="polite">{text}</p>
      <button type="button" disabled={isWriting} onClick={write}>
        Go on
      </button>
    </section>
  );
}
