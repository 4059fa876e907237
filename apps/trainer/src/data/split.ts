import { sourcePart, type TokenSource } from '@densessm/train';

export interface Split {
  readonly train: TokenSource;
  readonly validation: TokenSource;
  /** How it was made, for people. */
  readonly words: string;
}

const percent = (share: number): string => `${Number((share * 100).toFixed(1))} %`;

/**
 * Holds out the end of the data, as nanoGPT does: whole documents, where their borders leave between half and twice the
 * share that was asked for, else the last tokens, wherever that cuts a document.
 */
export function splitEnd(all: TokenSource, fraction: number): Split {
  const wanted = Math.floor(all.length * (1 - fraction));
  const border = nearestBorder(all.documentStarts, wanted);
  const share = border === undefined ? 0 : 1 - border / all.length;
  const isDocuments = border !== undefined && share >= fraction / 2 && share <= Math.min(fraction * 2, 0.5);
  const cut = isDocuments ? border : wanted;
  const validation = sourcePart(all, cut, all.length);
  const documents = validation.documentStarts.length;
  const words = isDocuments
    ? `the last ${documents} of ${all.documentStarts.length} documents, ${percent(share)} of the tokens`
    : `the last ${percent(fraction)} of the tokens`;
  return { train: sourcePart(all, 0, cut), validation, words };
}

function nearestBorder(starts: ArrayLike<number>, wanted: number): number | undefined {
  let nearest: number | undefined;
  for (let i = 0; i < starts.length; i++) {
    const start = starts[i] as number;
    const isNearer = nearest === undefined || Math.abs(start - wanted) < Math.abs(nearest - wanted);
    if (start > 0 && isNearer) nearest = start;
  }
  return nearest;
}
