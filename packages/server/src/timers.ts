/** Timers hold 31 bits of milliseconds, some 24 days; what is above comes at once. */
const LONGEST_MS = 2 ** 31 - 1;

/** Calls back once after a time, never after an infinite one. Returns what stops it. */
export const after = (ms: number, call: () => void): (() => void) => {
  const timer = ms === Infinity ? undefined : setTimeout(call, Math.min(ms, LONGEST_MS));
  return () => clearTimeout(timer);
};

/** Calls back again and again, never where the time between is infinite. Returns what stops it. */
export const every = (ms: number, call: () => void): (() => void) => {
  const timer = ms === Infinity ? undefined : setInterval(call, Math.min(ms, LONGEST_MS));
  return () => clearInterval(timer);
};
