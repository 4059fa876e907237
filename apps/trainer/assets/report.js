/**
 * Draws the charts of a report with uPlot. The page holds the data as JSON; nothing is loaded.
 * Every chart keeps its own legend, which shows the values under the cursor, or the last ones.
 */
const { axes, charts } = JSON.parse(document.getElementById('report-data').textContent);
const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 2 });
const drawn = new Map();
let unit = 'steps';
/** Distances between ticks for what is counted. */
const WHOLE = [1, 2, 5, ...Array.from({ length: 56 }, (_, i) => [10, 20, 25, 50][i % 4] * 10 ** Math.floor(i / 4))];

/** @param {number | null | undefined} value */
function readable(value) {
  if (value === null || value === undefined) return '–';
  const size = Math.abs(value);
  if (value !== 0 && (size < 1e-3 || size >= 1e7)) return value.toExponential(2).replace('e+', 'e');
  if (Number.isInteger(value)) return value.toLocaleString('en');
  return size >= 1000 ? Math.round(value).toLocaleString('en') : value.toPrecision(4);
}

/** Ticks of an axis with as many digits as tell them apart. */
function ticks(values) {
  const step = Math.abs((values[1] ?? values[0]) - values[0]) || Math.abs(values[0]) || 1;
  const digits = Math.max(0, Math.min(8, -Math.floor(Math.log10(step) + 1e-9)));
  return values.map((value) => {
    if (value === 0) return '0';
    if (step < 1e-3) return value.toExponential(1).replace('.0e', 'e');
    return Math.abs(value) >= 10000 ? compact.format(value) : value.toLocaleString('en', { maximumFractionDigits: digits });
  });
}

const colorOf = ({ color }) =>
  'run' in color ? style(`--run-${color.run % 6}`) : `oklch(${style('--gate-light')} 0.13 ${255 + color.hue * 200})`;

/** uPlot wants one list of x values for all curves of a chart: its own join puts them together. */
function dataOf(chart) {
  return globalThis.uPlot.join(
    chart.curves.map((curve) => [axes[curve.axis][unit], ...(curve.low ? [curve.low, curve.high] : []), curve.values]),
  );
}

function seriesOf(curve) {
  const stroke = colorOf(curve);
  const few = curve.values.length < 3;
  const faint = { stroke: `${stroke}28`, width: 1, points: { show: false }, spanGaps: false, auto: false };
  const main = {
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
    if (curve.low) bands.push({ series: [at + 1, at], fill: `${colorOf(curve)}22` });
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

/** Room around the values; a cap keeps spikes from flattening everything else. */
function rangeOf(chart) {
  return (_, least, most) => {
    if (least === null || most === null) return [0, 1];
    const top = chart.cap === undefined ? most : Math.min(most, chart.cap);
    const low = Math.min(least, top);
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
      x: { time: false, range: (_, least, most) => (least === most ? [least - 1, most + 1] : [least, most]) },
      y: { range: rangeOf(chart) },
    },
    axes: [
      axisStyle({
        values: (_, values) => ticks(values),
        grid: { show: false },
        incrs: unit === 'minutes' ? undefined : WHOLE,
        label: unit,
        labelSize: 20,
        labelGap: 0,
        labelFont: '12px system-ui, sans-serif',
        size: 30,
        space: 70,
      }),
      axisStyle({ values: (_, values) => ticks(values), size: widthOfTicks, space: 36 }),
    ],
    series: [{}, ...chart.curves.flatMap(seriesOf)],
    bands: bandsOf(chart),
    cursor: { y: false, points: { size: 6 }, drag: { x: true, y: false }, sync: { key: 'report' } },
    hooks: { setCursor: [(plot) => showValues(plot, chart, legend)] },
  };
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
    legend.place.textContent = unit === 'steps' ? `step ${readable(plot.data[0][index])}` : `${readable(plot.data[0][index])} ${unit}`;
}

/** Returns where the values go. */
function makeLegend(list, chart) {
  list.replaceChildren();
  const entry = (label, curve) => {
    const item = document.createElement('li');
    const value = document.createElement('b');
    if (curve) {
      const line = document.createElement('i');
      line.style.borderColor = colorOf(curve);
      if (curve.dashed) line.className = 'dashed';
      item.append(line);
    }
    item.append(label, value);
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
  if (event.key === 'Escape') plot.setScale('x', { min: x[0], max: x[x.length - 1] });
  else if (!(event.key in places)) return;
  else {
    const index = Math.max(0, Math.min(x.length - 1, places[event.key]));
    plot.setCursor({ left: plot.valToPos(x[index], 'x'), top: 0 });
  }
  event.preventDefault();
}

const drawAll = () => {
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
for (const useful of document.querySelectorAll('.choice, .hint')) useful.hidden = false;
for (const choice of document.querySelectorAll('.choice')) {
  choice.addEventListener('change', (event) => {
    unit = event.target.value;
    drawAll();
  });
}
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', drawAll);
