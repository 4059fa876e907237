import { checkGrowth, MAX_TEXT } from '../limits';

/**
 * One step of a decoder. Decoders are written as streams, so that decoding at once and bit by bit is the same code:
 * a step is pushed tokens, one at a time, and passes on what can no longer change. Once tokens have been fused, what
 * arrives are pieces of a single token.
 */
export interface Stage {
  push(token: string): void;
  /** No token is at hand just now: whatever waits only to be handled in bulk goes on. */
  flush(): void;
  /** The last token has been pushed. The stage can be used no more. */
  end(): void;
}

/** Builds a stage that hands on to the next one. */
export type StageMaker = (next: Stage) => Stage;

/** A stage that treats every token by itself. */
export const perToken =
  (change: (token: string) => string): StageMaker =>
  (next) => ({ ...next, push: (token) => next.push(change(token)) });

/** Puts the pieces of a fused token together before the stage sees it: for stages that must see it whole. */
export const gathered =
  (maker: StageMaker): StageMaker =>
  (next) => {
    const stage = maker(next);
    let whole = '';
    return {
      push: (piece) => {
        checkGrowth('tokenizer.json.decoder', whole.length + piece.length, MAX_TEXT);
        whole += piece;
      },
      flush: () => undefined,
      end: () => {
        stage.push(whole);
        stage.end();
      },
    };
  };

/** The end of the line: collects text until it is taken, as much as a string can hold. */
export class TextSink implements Stage {
  #text = '';

  push = (token: string): void => {
    checkGrowth('tokenizer.json.decoder', this.#text.length + token.length, MAX_TEXT);
    this.#text += token;
  };

  flush = (): void => undefined;

  end = (): void => undefined;

  take(): string {
    const text = this.#text;
    this.#text = '';
    return text;
  }
}
