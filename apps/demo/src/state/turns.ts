/** Work on the page's own thread, cut into tasks: between two of them the page answers and draws. */

/** Not in every browser, and not in TypeScript's own declarations. */
const { scheduler } = globalThis as { scheduler?: { yield?: () => Promise<void> } };

/** Goes on in another task. */
export const breathe = (): Promise<void> => scheduler?.yield?.() ?? new Promise((resolve) => setTimeout(resolve));

let last: Promise<void> = Promise.resolve();

/** Resolves in a task of its own, after those of all who asked before. */
export function turn(): Promise<void> {
  last = last.then(breathe);
  return last;
}
