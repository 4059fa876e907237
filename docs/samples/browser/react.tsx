'use client';
import { useState } from 'react';
import { continueText } from './in-worker';

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
