import { bytesOfToken } from '../encode/byte-alphabet';
import type { StageMaker } from './stage';

/** Tokens of the byte alphabet to text. What is no UTF-8 becomes U+FFFD; a character that has only begun waits for its rest. */
export const byteLevelStage: StageMaker = (next) => {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  let bytes = new Uint8Array(64);
  let length = 0;
  const pass = (stream: boolean): void => {
    const text = decoder.decode(bytes.subarray(0, length), { stream });
    length = 0;
    if (text !== '') next.push(text);
  };
  return {
    push(token) {
      const more = bytesOfToken(token);
      if (length + more.length > bytes.length) {
        const larger = new Uint8Array(2 * (length + more.length));
        larger.set(bytes.subarray(0, length));
        bytes = larger;
      }
      bytes.set(more, length);
      length += more.length;
    },
    flush() {
      if (length > 0) pass(true);
      next.flush();
    },
    end() {
      pass(false);
      next.end();
    },
  };
};

const BYTE = /^<0x([0-9A-Fa-f]{2})>$/;

/**
 * SentencePiece's byte tokens to text. A run of them that is UTF-8 as a whole becomes that text, any other run one U+FFFD
 * for each byte, so nothing of a run can be passed on before its last token. `eager` passes characters on as they are
 * complete instead; a run that is no UTF-8 then keeps its good part.
 */
export const byteFallbackStage =
  (eager: boolean): StageMaker =>
  (next) => {
    let run: number[] = [];
    let decoder = new TextDecoder('utf-8', { ignoreBOM: true });
    const endRun = (): void => {
      if (run.length === 0) return;
      const text = eager ? decoder.decode() : runAsText(run);
      decoder = new TextDecoder('utf-8', { ignoreBOM: true });
      run = [];
      if (text !== '') next.push(text);
    };
    return {
      push(token) {
        const digits = BYTE.exec(token)?.[1];
        if (digits === undefined) {
          endRun();
          next.push(token);
          return;
        }
        const byte = Number.parseInt(digits, 16);
        run.push(byte);
        const text = eager ? decoder.decode(Uint8Array.of(byte), { stream: true }) : '';
        if (text !== '') next.push(text);
      },
      flush: () => next.flush(),
      end() {
        endRun();
        next.end();
      },
    };
  };

function runAsText(run: readonly number[]): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Uint8Array.from(run));
  } catch {
    return '\uFFFD'.repeat(run.length);
  }
}
