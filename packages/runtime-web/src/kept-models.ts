/** Models whose files are kept in this browser. */

/** A file that is kept, wholly or in part. */
export interface KeptFile {
  readonly name: string;
  /** Bytes that have come. */
  readonly bytes: number;
  /** Bytes of the whole file. */
  readonly size: number;
}

/** A model some of whose files are kept. */
export interface KeptModel {
  /** Its address: where its files came from. */
  readonly source: string;
  readonly files: readonly KeptFile[];
  /** Bytes that have come, all files together. */
  readonly bytes: number;
  /** Whether every file that was begun has come to its end. */
  readonly isComplete: boolean;
}

/** How much of the browser's storage is used. */
export interface StorageRoom {
  /** Bytes that this site uses. */
  readonly used: number;
  /** Bytes that it may use; undefined where the browser does not say. */
  readonly quota: number | undefined;
  /** Whether the browser promised not to evict it when room gets scarce. */
  readonly isPersistent: boolean;
}
