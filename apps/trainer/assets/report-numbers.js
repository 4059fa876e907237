/** Numbers of a report as its reader sees them. */
const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 2 });
/** Distances between ticks for what is counted. */
export const WHOLE = [1, 2, 5, ...Array.from({ length: 56 }, (_, i) => [10, 20, 25, 50][i % 4] * 10 ** Math.floor(i / 4))];

/** @param {number | null | undefined} value */
export function readable(value) {
  if (value === null || value === undefined) return '–';
  const size = Math.abs(value);
  if (value !== 0 && (size < 1e-3 || size >= 1e7)) return value.toExponential(2).replace('e+', 'e');
  if (Number.isInteger(value)) return value.toLocaleString('en');
  return size >= 1000 ? Math.round(value).toLocaleString('en') : value.toPrecision(4);
}

/** Ticks of an axis with as many digits as tell them apart; a logarithmic one leaves some out, which are null. */
export function ticks(values, isLog = false) {
  const step = Math.abs((values[1] ?? values[0]) - values[0]) || Math.abs(values[0]) || 1;
  const digits = Math.max(0, Math.min(8, -Math.floor(Math.log10(step) + 1e-9)));
  return values.map((value) => {
    if (value === null || value === undefined) return '';
    if (value === 0) return '0';
    if (isLog) return value >= 1e-3 && value < 1e4 ? String(Number(value.toPrecision(3))) : compactOrSmall(value);
    if (step < 1e-3) return value.toExponential(1).replace('.0e', 'e');
    return Math.abs(value) >= 10000 ? compact.format(value) : value.toLocaleString('en', { maximumFractionDigits: digits });
  });
}

const compactOrSmall = (value) => (value >= 1 ? compact.format(value) : value.toExponential(0));
