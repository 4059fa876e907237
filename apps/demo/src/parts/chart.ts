/** uPlot in the page's own colors. */
import type uPlot from 'uplot';

export interface ChartSeries {
  readonly label: string;
  /** A custom property of the page: `--dense`. */
  readonly color: string;
  /** One for each x; null where there is none. */
  readonly values: readonly (number | null)[];
  readonly width?: number;
  /** Share of the color's strength. */
  readonly strength?: number;
  /** Dots alone, without a line. */
  readonly isDots?: boolean;
}

export interface ChartShape {
  readonly height: number;
  readonly xLabel: string;
  readonly digits: number;
  readonly series: readonly ChartSeries[];
  readonly includeZero?: boolean;
}

const FONT = '12px ui-monospace, "SF Mono", Menlo, Consolas, monospace';

/** A custom property as a color that a canvas knows: `light-dark()` is resolved by an element. */
export function colorOf(name: string, element: Element, strength = 1): string {
  const probe = document.createElement('i');
  probe.style.color = `var(${name})`;
  element.append(probe);
  const color = getComputedStyle(probe).color;
  probe.remove();
  return strength === 1 ? color : color.replace(/^rgb\((.*)\)$/, (_, parts: string) => `rgba(${parts}, ${strength})`);
}

function axis(element: Element, extra: uPlot.Axis): uPlot.Axis {
  const [ink, line] = [colorOf('--soft', element), colorOf('--line', element)];
  return { stroke: ink, font: FONT, grid: { stroke: line, width: 1 }, ticks: { show: false }, ...extra };
}

function seriesOf(one: ChartSeries, element: Element): uPlot.Series {
  const stroke = colorOf(one.color, element, one.strength ?? 1);
  if (one.isDots) return { label: one.label, stroke, paths: () => null, points: { show: true, size: 7, fill: stroke, stroke } };
  return { label: one.label, stroke, width: one.width ?? 2, points: { show: false }, spanGaps: true };
}

export function chartOptions(shape: ChartShape, element: HTMLElement, onCursor: (index: number | undefined) => void): uPlot.Options {
  return {
    width: Math.max(200, element.clientWidth),
    height: shape.height,
    padding: [8, 8, 0, 0],
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 6 } },
    scales: {
      x: { time: false },
      y: { range: (_, low, high) => rangeOf(low, high, shape) },
    },
    axes: [
      axis(element, { size: 28, gap: 6, grid: { show: false } }),
      axis(element, {
        size: shape.digits > 1 ? 54 : 44,
        gap: 6,
        values: ({ data }, ticks) => (data[0].length > 0 ? ticks.map((tick) => tick.toFixed(shape.digits)) : []),
      }),
    ],
    series: [{}, ...shape.series.map((one) => seriesOf(one, element))],
    hooks: { setCursor: [({ cursor }) => onCursor(cursor.idx ?? undefined)] },
  };
}

function rangeOf(low: number, high: number, { includeZero, digits }: ChartShape): [number, number] {
  if (!Number.isFinite(low) || !Number.isFinite(high)) return [0, 1];
  const [from, to] = includeZero ? [Math.min(0, low), Math.max(0, high)] : [low, high];
  const room = Math.max((to - from) * 0.06, 10 ** -digits); // no two lines with the same number
  return [from - room, to + room];
}
