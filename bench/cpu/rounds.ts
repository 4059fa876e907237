/** What one of several programs took, round by round, in milliseconds. */
export interface Times {
  least: number;
  median: number;
  all: number[];
}

const LEAST_ROUNDS = 2;

/**
 * Lets several programs run in turns, so that what else the machine does falls on all alike, for so many seconds and at least two rounds.
 * A first round, in which code is compiled and files are read, does not count. The times come in the order of the programs.
 */
export async function timeInTurns<const Entrants extends readonly unknown[]>(
  entrants: Entrants,
  seconds: number,
  run: (entrant: Entrants[number]) => Promise<number>,
): Promise<{ [Place in keyof Entrants]: Times }> {
  const taken = entrants.map((): number[] => []);
  for (const entrant of entrants) await run(entrant);
  const end = performance.now() + 1000 * seconds;
  for (let round = 0; round < LEAST_ROUNDS || performance.now() < end; round++)
    for (const [i, times] of taken.entries()) times.push(await run(entrants[i]));
  return taken.map(timesOf) as { [Place in keyof Entrants]: Times };
}

export function timesOf(all: number[]): Times {
  const sorted = [...all].sort((a, b) => a - b);
  return { least: sorted[0] ?? Number.NaN, median: sorted[sorted.length >> 1] ?? Number.NaN, all };
}
