type Immediate = (run: () => void) => void;

/**
 * Waits for a turn of the event loop, so that timers, input and an abort get through between two steps of a model. Promises alone
 * do not let them, and a timer costs milliseconds: a browser has a message channel instead, Node `setImmediate`.
 */
export function pause(): Promise<void> {
  const { setImmediate } = globalThis as { setImmediate?: Immediate };
  return new Promise((resolve) => {
    if (setImmediate) {
      setImmediate(resolve);
      return;
    }
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}
