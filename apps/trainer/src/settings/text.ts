/** The value of a setting as somebody would type it: 0.0003 is 3e-4. */
export function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  if (Array.isArray(value)) return value.map(textOf).join(' ');
  if (typeof value !== 'number' || Number.isInteger(value)) return JSON.stringify(value);
  const short = value.toExponential();
  return short.length < String(value).length ? short : String(value);
}
