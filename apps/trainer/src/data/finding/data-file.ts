export type DataFormat = 'text' | 'jsonl' | 'parquet';

/** A file on this machine that holds text, wherever it came from. */
export interface DataFile {
  /** What to call it in a message. */
  readonly name: string;
  readonly path: string;
  readonly format: DataFormat;
  readonly isGzipped: boolean;
  /** On the disk, packed. */
  readonly sizeBytes: number;
  /** Changes when the content does: the time of the last change, or a hash. */
  readonly stamp: string;
}

const JSON_LINES = /\.(jsonl|ndjson|json)$/i;
const TEXT = /\.(txt|text)$/i;
const GZIP = /\.gz$/i;

/** The format of a file by its name. Whatever has no name that we know is plain text. */
export function formatOf(name: string): Pick<DataFile, 'format' | 'isGzipped'> {
  const isGzipped = GZIP.test(name);
  const bare = name.replace(GZIP, '');
  if (JSON_LINES.test(bare)) return { format: 'jsonl', isGzipped };
  return { format: /\.parquet$/i.test(name) ? 'parquet' : 'text', isGzipped };
}

/** Whether a file that nobody named, in a folder or a data set, is taken for data. A .json there often is something else. */
export function looksLikeData(name: string): boolean {
  const bare = name.replace(GZIP, '');
  return (JSON_LINES.test(bare) && !/\.json$/i.test(bare)) || TEXT.test(bare) || /\.parquet$/i.test(name);
}

/** What {@link looksLikeData} takes, for messages. */
export const DATA_NAMES = '.txt, .text, .jsonl, .ndjson, those with .gz, or .parquet';
