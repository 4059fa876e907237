import { formatCount } from '../../output/numbers';

/** What stands where nothing was measured. */
export const NOTHING = '–';

/** A number as the reader of a report needs it; NOTHING for what is missing. */
const orNothing =
  (write: (value: number) => string) =>
  (value: number | undefined): string =>
    value === undefined ? NOTHING : Number.isFinite(value) ? write(value) : String(value);

export const count = orNothing(formatCount);

/** 1.234 */
export const loss = orNothing((value) => (Math.abs(value) >= 1e4 ? value.toExponential(2) : value.toFixed(3)));

/** Perplexity of a loss in nats. */
export const perplexity = orNothing((value) => {
  const perplexed = Math.exp(value);
  return perplexed >= 1e5 ? perplexed.toExponential(2) : perplexed >= 100 ? formatCount(perplexed) : perplexed.toPrecision(3);
});

/** Bits of a loss in nats. */
export const bits = orNothing((value) => (value / Math.LN2).toFixed(3));

export const percent = orNothing((value) => `${(100 * value).toFixed(1)} %`);

/** Three digits that count: 0.00123, 1.20e-5. */
export const short = orNothing((value) => {
  const size = Math.abs(value);
  if (value === 0) return '0';
  return size >= 1e5 || size < 1e-3 ? value.toExponential(2) : Number(value.toPrecision(3)).toString();
});

/** 45 s, 3 min 20 s, 1 h 02 min. */
export const duration = orNothing((seconds) => {
  const whole = Math.round(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60)];
  const two = (value: number) => String(value).padStart(2, '0');
  if (hours > 0) return `${hours} h ${two(minutes)} min`;
  return minutes > 0 ? `${minutes} min ${two(whole % 60)} s` : `${seconds < 10 ? seconds.toFixed(1) : whole} s`;
});
