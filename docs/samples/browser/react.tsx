'use client';
import { useState } from 'react';
import { continueText } from './in-worker';

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
