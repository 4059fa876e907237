import type { Lane, LaneOwner } from './lane';

/** A text that waits for a place in a group: its first token was drawn, or it gave its place up. */
export interface Ready {
  readonly lane: Lane;
  readonly state: unknown;
}

/** Who gets a place next. */
export interface Seat {
  readonly next: Ready;
  /** The text that gives its place up, where all are taken. */
  readonly from: Lane | undefined;
}

/**
 * The next place goes to the request with the fewest texts at work, first come first served. Where all places are taken, the request with the most texts
 * gives one up as long as it has at least two more: a request of many texts holds up nobody.
 */
export function nextSeat(ready: readonly Ready[], seated: readonly Lane[], slots: number): Seat | undefined {
  const counts = new Map<LaneOwner, number>();
  for (const { ticket } of seated) counts.set(ticket, (counts.get(ticket) ?? 0) + 1);
  const countOf = ({ ticket }: Lane): number => counts.get(ticket) ?? 0;
  const [first, ...rest] = ready;
  if (!first) return undefined;
  const next = rest.reduce((least, one) => (countOf(one.lane) < countOf(least.lane) ? one : least), first);
  if (seated.length < slots) return { next, from: undefined };
  const last = (a: Lane, b: Lane): Lane => (countOf(b) > countOf(a) || (countOf(b) === countOf(a) && b.row > a.row) ? b : a);
  const from = seated.reduce(last);
  return countOf(from) >= countOf(next.lane) + 2 ? { next, from } : undefined;
}
