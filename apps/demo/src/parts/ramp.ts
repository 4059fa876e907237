/** One ramp for all heat maps, from the paper's color over blue to near black (or near white in the dark): lightness alone tells, for every eye. */
const LIGHT = [
  [250, 250, 248],
  [198, 221, 240],
  [111, 168, 214],
  [38, 102, 165],
  [12, 43, 84],
] as const;
const DARK = [
  [26, 30, 34],
  [31, 62, 94],
  [43, 112, 172],
  [124, 187, 240],
  [236, 246, 255],
] as const;
/** For differences: orange below zero, blue above, the paper at zero. */
const NEGATIVE = { light: [164, 66, 10], dark: [247, 160, 92] } as const;
const POSITIVE = { light: [22, 88, 155], dark: [120, 184, 244] } as const;

type Rgb = readonly [number, number, number];

function between(a: Rgb, b: Rgb, share: number): Rgb {
  return [a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share, a[2] + (b[2] - a[2]) * share];
}

/** Color of a share from 0 to 1. */
export function rampColor(share: number, isDark: boolean): Rgb {
  const stops: readonly Rgb[] = isDark ? DARK : LIGHT;
  const place = Math.max(0, Math.min(1, Number.isFinite(share) ? share : 0)) * (stops.length - 1);
  const index = Math.min(stops.length - 2, Math.floor(place));
  return between(stops[index] as Rgb, stops[index + 1] as Rgb, place - index);
}

/** Color of a value from −1 to 1. */
export function divergingColor(value: number, isDark: boolean): Rgb {
  const theme = isDark ? 'dark' : 'light';
  const zero = rampColor(0, isDark);
  const end: Rgb = value < 0 ? NEGATIVE[theme] : POSITIVE[theme];
  return between(zero, end, Math.min(1, Math.abs(Number.isFinite(value) ? value : 0)));
}

export const css = ([r, g, b]: Rgb): string => `rgb(${Math.round(r)} ${Math.round(g)} ${Math.round(b)})`;

/** Ink that can be read on a color: the one with the greater contrast. */
export function inkOn([r, g, b]: Rgb): string {
  const linear = (value: number) => ((value / 255 + 0.055) / 1.055) ** 2.4;
  const luminance = 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  return luminance > 0.179 ? '#000000' : '#ffffff'; // where both have the same contrast, 4.58
}
