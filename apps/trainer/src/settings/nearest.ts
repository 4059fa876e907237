import { distance } from 'fastest-levenshtein';

/** The name that was probably meant, if any is near enough: at most two edits in five letters. */
export function nearest(word: string, names: Iterable<string>): string | undefined {
  let best: string | undefined;
  let least = Math.max(1, Math.floor((2 * word.length) / 5)) + 1;
  for (const name of names) {
    const edits = distance(word.toLowerCase(), name.toLowerCase());
    if (edits >= least) continue;
    best = name;
    least = edits;
  }
  return best;
}
