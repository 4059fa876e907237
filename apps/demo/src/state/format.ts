/** Numbers and sizes as people read them. */
const UNITS = ['bytes', 'KB', 'MB', 'GB'];

/** 61440 → `61 KB`. Thousands, as browsers and file managers count. */
export function bytes(count: number): string {
  let [value, unit] = [count, 0];
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  if (unit === 0) return `${value} bytes`;
  return `${value >= 99.5 ? Math.round(value) : value.toPrecision(2)} ${UNITS[unit]}`;
}

/** 1234567 → `1.23 million`; small ones with separators. */
export function count(value: number): string {
  if (value >= 1e6) return `${(value / 1e6).toFixed(value >= 1e7 ? 0 : 2)} million`;
  return Math.round(value).toLocaleString('en');
}

/** A rate with no more digits than mean something. */
export const rate = (perSecond: number): string =>
  perSecond >= 100 ? Math.round(perSecond).toLocaleString('en') : perSecond.toFixed(perSecond >= 10 ? 0 : 1);

/** 95 → `1 min 35 s`. */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '…';
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60 ? `${minutes} min ${Math.round(seconds % 60)} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** A probability as a percentage that never claims 0 or 100. */
export function percent(probability: number): string {
  const value = probability * 100;
  if (value > 99.95) return '> 99.9 %';
  if (value < 0.05) return '< 0.1 %';
  return `${value.toFixed(value >= 10 && value < 99 ? 0 : 1)} %`;
}

/** Signed, with a true minus. */
export const signed = (value: number, digits = 3): string => `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(digits)}`;

/** A token so that its spaces and line breaks are seen. */
export const visible = (text: string): string => text.replaceAll(' ', '·').replaceAll('\n', '↵').replaceAll('\t', '→') || '∅';
