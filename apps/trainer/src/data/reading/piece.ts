/** A part of a document, or all of it. */
export interface Piece {
  readonly text: string;
  /** Whether a document begins with it. */
  readonly isFirst: boolean;
}

export interface ReadOptions {
  /** The field that holds the text. */
  readonly field: string;
  /** Counts what is bad instead of ending with an error. */
  readonly skipBadLines: boolean;
  readonly signal?: AbortSignal;
  /** Bytes of the file at hand that have been read. */
  readonly onRead: (bytes: number) => void;
  /** A line or row was left out, for this reason. */
  readonly onSkip: (reason: Error) => void;
}

/** The command's words for the two options, which errors name. */
export const FIELD_FLAG = '--field';
export const SKIP_FLAG = '--skip-bad-lines';

/** What the standard input is called in errors. */
export const STDIN = 'the standard input';
