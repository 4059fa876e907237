/** Curves as an SVG without anything around it, light or dark as the page that shows it. */
export interface Chart {
  title: string;
  xLabel: string;
  yLabel: string;
  xMost: number;
  /** What lies above the higher one is drawn at it. */
  yRange: readonly [low: number, high: number];
  yDigits: number;
  /** Names in the legend, each in its color. */
  names: readonly string[];
  curves: readonly { name: string; points: readonly (readonly [x: number, y: number])[]; dot?: number }[];
}

const LIGHT = { paper: '#ffffff', ink: '#334155', rule: '#e2e8f0' };
const DARK = { paper: '#1b1b1f', ink: '#cbd5e1', rule: '#3f3f46' };
const LIGHT_LINES = ['#2563eb', '#dc2626', '#059669', '#d97706', '#7c3aed', '#0891b2', '#be185d', '#4d7c0f', '#475569'];
const DARK_LINES = ['#60a5fa', '#f87171', '#34d399', '#fbbf24', '#a78bfa', '#22d3ee', '#f472b6', '#a3e635', '#94a3b8'];

const declared = (colors: Readonly<Record<string, string>>, lines: readonly string[]): string =>
  [...Object.entries(colors), ...lines.map((color, i) => [`line${i}`, color])].map(([name, color]) => `--${name}:${color}`).join(';');

const STYLE = `<style>:root{${declared(LIGHT, LIGHT_LINES)}}@media(prefers-color-scheme:dark){:root{${declared(DARK, DARK_LINES)}}}</style>`;

const [WIDTH, HEIGHT, LEFT, BOTTOM] = [760, 420, 56, 44] as const;

const text = (left: number, top: number, words: string, rest = ''): string =>
  `<text x="${left.toFixed(1)}" y="${top.toFixed(1)}" ${rest}>${words}</text>`;

export function drawChart(chart: Chart): string {
  const { names, xMost } = chart;
  const [low, high] = chart.yRange;
  const x = (value: number) => LEFT + (value / xMost) * (WIDTH - LEFT - 150);
  const y = (value: number) => 12 + ((high - Math.min(value, high)) / (high - low)) * (HEIGHT - BOTTOM - 12);
  const color = (name: string) => `var(--line${names.indexOf(name) % LIGHT_LINES.length})`;
  const ticks = Array.from({ length: 6 }, (_, i) => low + ((high - low) * i) / 5);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="system-ui, sans-serif" font-size="12" fill="var(--ink)">`,
    `<title>${chart.title}</title>`,
    STYLE,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="var(--paper)"/>`,
    ...ticks.map(
      (tick) =>
        `<path d="M${LEFT} ${y(tick).toFixed(1)}H${x(xMost)}" stroke="var(--rule)"/>${text(LEFT - 8, y(tick) + 4, tick.toFixed(chart.yDigits), 'text-anchor="end"')}`,
    ),
    ...[0, 0.25, 0.5, 0.75, 1].map((share) =>
      text(x(share * xMost), HEIGHT - BOTTOM + 18, String(Math.round(share * xMost)), 'text-anchor="middle"'),
    ),
    text(x(xMost / 2), HEIGHT - 8, chart.xLabel, 'text-anchor="middle"'),
    text(LEFT - 40, HEIGHT - 8, chart.yLabel),
    ...chart.curves.map(({ name, points, dot }) => {
      const line = points.map(([left, top]) => `${x(left).toFixed(1)},${y(top).toFixed(1)}`).join(' ');
      const mark = dot === undefined ? '' : `<circle cx="${x(xMost)}" cy="${y(dot).toFixed(1)}" r="3" fill="${color(name)}"/>`;
      return `<polyline points="${line}" fill="none" stroke="${color(name)}" stroke-width="1.3" stroke-opacity="0.8"/>${mark}`;
    }),
    ...names.map(
      (name, i) =>
        `<rect x="${WIDTH - 138}" y="${14 + i * 20}" width="12" height="12" fill="${color(name)}"/>${text(WIDTH - 120, 25 + i * 20, name)}`,
    ),
    '</svg>\n',
  ].join('\n');
}
