import { WIDTH } from './figure';

/** A rectangle of the picture in which data are drawn. */
export interface Frame {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  readonly x: readonly [from: number, to: number];
  readonly y: readonly [from: number, to: number];
}

const short = (value: number): string => String(Number(value.toFixed(1)));

const across = ({ left, width, x: [from, to] }: Frame, x: number): number => left + (width * (x - from)) / (to - from);
const down = ({ top, height, y: [from, to] }: Frame, y: number): number => top + height - (height * (y - from)) / (to - from);

/** A curve through points [x, y]; `series` chooses its color. */
export function curve(frame: Frame, points: readonly (readonly [number, number])[], series: number, isDashed = false): string {
  const path = points.map(([x, y]) => `${short(across(frame, x))},${short(down(frame, y))}`).join(' ');
  return `<polyline class="series-${series}${isDashed ? ' dashed' : ''}" points="${path}"/>`;
}

/** A bar from zero at x. */
export function bar(frame: Frame, x: number, y: number, width: number, className: string): string {
  const [zero, end] = [down(frame, 0), down(frame, y)];
  const left = short(across(frame, x) - width / 2);
  return `<rect class="${className}" x="${left}" y="${short(Math.min(zero, end))}" width="${short(width)}" height="${short(Math.abs(end - zero))}"/>`;
}

/** The frame's left and bottom line with the numbers at their ends. */
export function axes(frame: Frame, xLabel: string, yLabel: string): string {
  const { left, top, width, height, x, y } = frame;
  const bottom = top + height;
  return [
    `<path class="axis" d="M${left} ${top}V${bottom}H${left + width}"/>`,
    label(left - 6, top + 10, String(y[1]), 'end'),
    label(left - 6, bottom, String(y[0]), 'end'),
    label(left, bottom + 18, String(x[0])),
    label(left + width, bottom + 18, String(x[1]), 'end'),
    label(left + width / 2, bottom + 18, xLabel, 'middle'),
    label(left, top - 8, yLabel),
  ].join('');
}

export const label = (x: number, y: number, text: string, anchor = 'start', className = ''): string =>
  `<text x="${short(x)}" y="${short(y)}" text-anchor="${anchor}"${className === '' ? '' : ` class="${className}"`}>${text}</text>`;

/** A square of cells, rows from the top; values from −1 to 1, of which the sign chooses the color and the size its strength. */
export function heatMap(rows: readonly (readonly number[])[], place: { left: number; top: number; size: number }): string {
  const cell = place.size / rows.length;
  const cells = rows.flatMap((row, i) =>
    row.map((value, j) => {
      if (Math.abs(value) < 0.004) return '';
      const box = `x="${short(place.left + j * cell)}" y="${short(place.top + i * cell)}" width="${short(cell)}" height="${short(cell)}"`;
      return `<rect class="${value > 0 ? 'positive' : 'negative'}" fill-opacity="${Math.min(1, Math.abs(value)).toFixed(2)}" ${box}/>`;
    }),
  );
  const frame = `<rect class="frame" x="${place.left}" y="${place.top}" width="${place.size}" height="${place.size}"/>`;
  return cells.join('') + frame;
}

/** Names of the curves, below each other at the right. */
export const legend = (names: readonly string[], top = 24): string =>
  names.map((name, i) => label(WIDTH - 8, top + i * 18, name, 'end', `series-${i + 1}`)).join('');
