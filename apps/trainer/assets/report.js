/**
 * Draws the charts of a report with uPlot. The page holds the data as JSON; nothing is loaded.
 * Every chart keeps its own legend, which shows the values under the cursor, or the last ones.
 */
import { readable, ticks, WHOLE } from './report-numbers.js';

const page = JSON.parse(document.getElementById('report-data').textContent);
const { axes, charts, start } = page;
/** Between two looks at a run that goes on; null where none does. */
export const { refreshSeconds } = page;
const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const drawn = new Map();
/** What the reader chose; it outlives the page's own refreshing. */
export const chosen = { unit: 'steps', logX: false, logY: false, whole: false, hidden: [], ...remembered() };
const hidden = new Set(chosen.hidden);

function remembered() {
  try {
    return JSON.parse(sessionStorage.getItem('densessm-report') ?? '{}');
  } catch {
    return {}; // a browser without storage for files
  }
}

export function remember() {
  try {
    sessionStorage.setItem('densessm-report', JSON.stringify({ ...chosen, hidden: [...hidden] }));
  } catch {}
}

const keyOf = (chart, curve) => `${chart.id}/${curve.label}`;
function colorOf({ color }) {
  if (!('run' in color)) return `oklch(${style('--gate-light')} 0.13 ${255 + color.hue * 200})`;
  const own = style(`--run-${color.run % 6}`);
  return color.shade ? `color-mix(in oklab, ${own}, ${style('--paper')} ${Math.round(65 * color.shade)}%)` : own;
}

const faded = (color, percent) => `color-mix(in srgb, ${color} ${percent}%, transparent)`;

/** uPlot wants one list of x values for all curves of a chart: its own join puts them together. */
function dataOf(chart) {
  return globalThis.uPlot.join(
    chart.curves.map((curve) => [axes[curve.axis][chosen.unit], ...(curve.low ? [curve.low, curve.high] : []), curve.values]),
  );
}

function seriesOf(chart, curve) {
  const show = !hidden.has(keyOf(chart, curve));
  const stroke = colorOf(curve);
  const few = curve.values.length < 3;
  const faint = { show, stroke: faded(stroke, 16), width: 1, points: { show: false }, spanGaps: false, auto: false };
  const main = {
    show,
    stroke,
    width: curve.sparse ? 1.5 : 2,
    dash: curve.dashed ? [6, 4] : undefined,
    points: { show: curve.sparse ? curve.values.length <= 60 : few, size: 5, stroke, fill: stroke },
    spanGaps: Boolean(curve.sparse),
  };
  return curve.low ? [{ ...faint }, { ...faint }, main] : [main];
}

/** The area between the lowest and the highest values, for curves that stand for many steps. */
function bandsOf(chart) {
  const bands = [];
  let at = 1;
  for (const curve of chart.curves) {
    if (curve.low) bands.push({ series: [at + 1, at], fill: faded(colorOf(curve), 13) });
    at += curve.low ? 3 : 1;
  }
  return bands;
}

/** Where the curve itself stands among the series: behind its band. */
function positions(chart) {
  let at = 0;
  return chart.curves.map((curve) => {
    at += curve.low ? 3 : 1;
    return at;
  });
}

/** A logarithmic axis has no place for zero and what lies below. */
const isLogY = (chart) =>
  chosen.logY && chart.curves.every(({ values, low }) => [...values, ...(low ?? [])].every((y) => y === null || y > 0));

/** From the end of the warm-up, where there is one, to the end of the longest curve. */
function rangeOfX(_, least, most) {
  if (least === null || most === null) return [0, 1];
  const first = chosen.whole || start[chosen.unit] >= most || least > start[chosen.unit] ? least : start[chosen.unit];
  const from = chosen.logX ? Math.max(first, chosen.unit === 'minutes' ? 1e-3 : 1) : first;
  return from >= most ? [from - (chosen.logX ? 0 : 1), from + 1] : [from, most];
}

/** Room around the values; a cap keeps spikes from flattening everything else. */
function rangeOf(chart) {
  return (_, least, most) => {
    if (least === null || most === null) return [0, 1];
    const top = Math.max(chart.zero ? 0 : -Infinity, chart.cap === undefined ? most : Math.min(most, chart.cap));
    const low = Math.min(chart.zero ? 0 : Infinity, least, top);
    if (isLogY(chart)) return [low / 1.04, top * 1.04];
    const room = (top - low) * 0.06 || Math.abs(top) * 0.1 || 1;
    return [low >= 0 && low - room < 0 ? 0 : low - room, top + room];
  };
}

function axisStyle(more) {
  const line = style('--grid');
  return {
    stroke: style('--soft'),
    font: '12px system-ui, sans-serif',
    ticks: { stroke: style('--line'), width: 1, size: 4 },
    grid: { stroke: line, width: 1 },
    gap: 4,
    ...more,
  };
}

function widthOfTicks(_, values) {
  return 18 + 7 * Math.max(2, ...(values ?? []).map((value) => value.length));
}

function optionsOf(chart, box, legend) {
  return {
    width: box.clientWidth,
    height: box.clientHeight,
    legend: { show: false },
    padding: [8, 22, 0, 0],
    scales: {
      x: { time: false, distr: chosen.logX ? 3 : 1, range: rangeOfX },
      y: { distr: isLogY(chart) ? 3 : 1, range: rangeOf(chart) },
    },
    axes: [
      axisStyle({
        values: (_, values) => ticks(values, chosen.logX),
        grid: { show: false },
        incrs: chosen.unit === 'minutes' ? undefined : WHOLE,
        label: chosen.unit,
        labelSize: 20,
        labelGap: 0,
        labelFont: '12px system-ui, sans-serif',
        size: 30,
        space: 70,
      }),
      axisStyle({ values: (_, values) => ticks(values, isLogY(chart)), size: widthOfTicks, space: 36 }),
    ],
    series: [{}, ...chart.curves.flatMap((curve) => seriesOf(chart, curve))],
    bands: bandsOf(chart),
    cursor: { y: false, points: { size: 6 }, drag: { x: true, y: false }, sync: { key: 'report' } },
    hooks: { setCursor: [(plot) => showValues(plot, chart, legend)], drawAxes: chart.zero ? [drawZero] : [] },
  };
}

/** A line at zero, behind the curves. */
function drawZero({ ctx, bbox, valToPos }) {
  const y = Math.round(valToPos(0, 'y', true)) + 0.5;
  ctx.save();
  ctx.strokeStyle = style('--soft');
  ctx.setLineDash([4, 4]);
  ctx.beginPath();
  ctx.moveTo(bbox.left, y);
  ctx.lineTo(bbox.left + bbox.width, y);
  ctx.stroke();
  ctx.restore();
}

/** The value of a curve at an index of the joined data, or the nearest one before it. */
function valueAt(values, index) {
  for (let i = index; i >= 0; i--) if (values[i] !== null && values[i] !== undefined) return values[i];
  return undefined;
}

function showValues(plot, chart, legend) {
  const index = plot.cursor.idx ?? plot.data[0].length - 1;
  positions(chart).forEach((at, i) => {
    legend[i].textContent = readable(valueAt(plot.data[at], index));
  });
  if (legend.place)
    legend.place.textContent =
      chosen.unit === 'steps' ? `step ${readable(plot.data[0][index])}` : `${readable(plot.data[0][index])} ${chosen.unit}`;
}

/** Hides a curve, and shows it again. */
function hidingButton(chart, curve) {
  const button = document.createElement('button');
  const key = keyOf(chart, curve);
  button.type = 'button';
  button.setAttribute('aria-pressed', String(!hidden.has(key)));
  button.addEventListener('click', () => {
    if (!hidden.delete(key)) hidden.add(key);
    button.setAttribute('aria-pressed', String(!hidden.has(key)));
    const at = positions(chart)[chart.curves.indexOf(curve)];
    for (let i = curve.low ? at - 2 : at; i <= at; i++) drawn.get(chart.id).setSeries(i, { show: !hidden.has(key) });
    remember();
  });
  return button;
}

/** Returns where the values go. */
function makeLegend(list, chart) {
  list.replaceChildren();
  const entry = (label, curve) => {
    const item = document.createElement('li');
    const line = curve && chart.curves.length > 1 ? item.appendChild(hidingButton(chart, curve)) : item;
    const value = document.createElement('b');
    if (curve) {
      const stroke = document.createElement('i');
      stroke.style.borderColor = colorOf(curve);
      if (curve.dashed) stroke.className = 'dashed';
      line.append(stroke);
    }
    line.append(label, value);
    list.append(item);
    return value;
  };
  const cells = chart.curves.map((curve) => entry(chart.curves.length > 1 || curve.label !== 'value' ? curve.label : '', curve));
  cells.place = entry('at');
  return cells;
}

function draw(chart) {
  const box = document.querySelector(`[data-chart="${chart.id}"]`);
  drawn.get(chart.id)?.destroy();
  const legend = makeLegend(document.querySelector(`[data-legend="${chart.id}"]`), chart);
  const plot = new globalThis.uPlot(optionsOf(chart, box, legend), dataOf(chart), box);
  drawn.set(chart.id, plot);
  showValues(plot, chart, legend);
}

/** Arrow keys move along the curve, Home and End to its ends, Escape shows everything again. */
function moveWithKeys(event, chart) {
  const plot = drawn.get(chart.id);
  const x = plot.data[0];
  const now = plot.cursor.idx ?? x.length - 1;
  const stride = event.shiftKey ? Math.max(1, Math.round(x.length / 20)) : 1;
  const places = { ArrowLeft: now - stride, ArrowRight: now + stride, Home: 0, End: x.length - 1 };
  if (event.key === 'Escape') plot.setData(plot.data);
  else if (!(event.key in places)) return;
  else {
    const index = Math.max(0, Math.min(x.length - 1, places[event.key]));
    plot.setCursor({ left: plot.valToPos(x[index], 'x'), top: 0 });
  }
  event.preventDefault();
}

export const drawAll = () => {
  for (const chart of charts) draw(chart);
};
const resize = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    const plot = drawn.get(target.dataset.chart);
    const [width, height] = [target.clientWidth, target.clientHeight];
    if (plot && width > 0 && (plot.width !== width || plot.height !== height)) plot.setSize({ width, height });
  }
});
drawAll();
for (const chart of charts) {
  const box = document.querySelector(`[data-chart="${chart.id}"]`);
  box.addEventListener('keydown', (event) => moveWithKeys(event, chart));
  resize.observe(box);
}
