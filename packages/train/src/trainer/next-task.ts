/**
 * Waits for the host's next task. What runs on the processor resolves in microtasks alone, between which neither a signal nor a click is
 * ever seen; a timer would wait for milliseconds.
 */
export function nextTask(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}
