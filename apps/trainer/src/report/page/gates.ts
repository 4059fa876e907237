import type { GateStatistics, Histogram } from '@densessm/train';
import { NEAR_ZERO } from '@densessm/train/internal';
import type { ReportRun } from '../data/run';
import { type Drawing, gateHue, gateLabel } from './charts';
import { figure } from './figures';
import { type Html, html } from './html';
import { count, percent, short } from './numbers';

/** Dense gates over time and as they are now, of every run that has some. */
export function gatesSection(runs: readonly ReportRun[], { gates }: Drawing): Html | undefined {
  if (gates.length === 0) return undefined;
  return html`<section aria-labeledby="gates"><h2 id="gates">Dense gates</h2>
<p class="lead">A layer of a dense model reads the states of shallower layers through a gate that it makes from its own input. Zero is closed; a fresh
gate is closed everywhere. Measured on one batch of held-out text.</p>
<div class="grid pairs">${gates.map((chart) => figure(chart))}</div>
${runs.map((run) => ofRun(run, runs.length > 1))}</section>`;
}

const ofRun = (run: ReportRun, isNamed: boolean): Html | undefined =>
  isNamed && run.gates.length > 0
    ? html`<details><summary>Gates of ${run.name} at the last measurement</summary>${latest(run.gates.at(-1))}</details>`
    : latest(run.gates.at(-1));

function latest(record: ReportRun['gates'][number] | undefined): Html | undefined {
  if (record === undefined) return undefined;
  const row = (gate: GateStatistics, index: number): Html =>
    html`<tr><th scope="row"><span class="swatch" style="--hue: ${gateHue(index, record.gates.length).toFixed(3)}"></span>${gateLabel(gate)}</th><td>${short(gate.mean)}</td><td>${short(gate.std)}</td><td>${short(gate.absMax)}</td><td>${percent(gate.nearZero)}</td><td>${histogram(gate)}</td></tr>\n`;
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Gates at the last measurement"><table class="gates stack">
<caption>At step ${count(record.step)}. Bars show square roots of counts, the dotted line zero.</caption>
<thead><tr><th scope="col">Gate</th><th scope="col">Mean</th><th scope="col">Spread</th><th scope="col">Largest</th><th scope="col">Below ${NEAR_ZERO}</th><th scope="col">Values</th></tr></thead>
<tbody>
${record.gates.map(row)}</tbody></table></div>`;
}

const [WIDTH, HEIGHT] = [180, 28];

/** Bars whose heights are square roots of counts, since nearly all values lie near zero. A line marks zero. */
function histogram({ histogram: { min, max, counts } }: GateStatistics): Html {
  const most = counts.reduce((a, b) => Math.max(a, b), 1);
  const step = WIDTH / Math.max(1, counts.length);
  const bar = (value: number, i: number): string => {
    const height = Math.sqrt(value / most) * HEIGHT;
    return value > 0 ? `M${(i * step).toFixed(1)} ${HEIGHT}v${(-height).toFixed(1)}h${(step - 1).toFixed(1)}v${height.toFixed(1)}z` : '';
  };
  const zero = max > min ? (-min / (max - min)) * WIDTH : 0;
  const line = zero >= 0 && zero <= WIDTH ? html`<path class="zero" d="M${zero.toFixed(1)} 0v${HEIGHT}"/>` : undefined;
  return html`<span class="histogram"><span>${short(min)}</span><svg viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img" aria-label="${inWords({ min, max, counts })}"><path d="${counts.map(bar).join('')}"/>${line}</svg><span>${short(max)}</span></span>`;
}

const inWords = ({ min, max, counts }: Histogram): string =>
  counts.length === 0 ? 'values that are not finite' : `values from ${short(min)} to ${short(max)}`;
