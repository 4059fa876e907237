/** A report as one HTML file that needs nothing else: no network, no other file. */

import { colorsOf, differing, groupsOf } from '../data/compare';
import type { ReportRun } from '../data/run';
import { summarize } from '../data/summary';
import { type Drawing, drawingOf } from './charts';
import { configSection } from './config';
import { verdicts } from './difference';
import { figure, numbersTable } from './figures';
import { gatesSection } from './gates';
import { Html, html, jsonForScript } from './html';
import { keyFigures } from './key-figures';
import { count } from './numbers';
import { samplesSection } from './samples';
import { settingsSection } from './settings';

/** What is put into the page: uPlot, and the script and style of the page itself. */
export interface ReportAssets {
  readonly chartScript: string;
  readonly chartStyle: string;
  readonly script: string;
  readonly style: string;
}

export interface ReportData {
  readonly runs: readonly ReportRun[];
  /** When the report was written. */
  readonly date: Date;
  readonly assets: ReportAssets;
}

/** Lets the page load nothing at all, whatever stands in it. */
const POLICY =
  "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

/** The whole page. Pure: the same data make the same text. */
export function reportHtml({ runs, date, assets }: ReportData): string {
  const title = titleOf(runs);
  const drawing = drawingOf(runs);
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>${title}</title>
<style>${inline(assets.chartStyle)}</style>
<style>${inline(assets.style)}</style>
</head>
<body>
<header><h1>${title}</h1><p class="lead">${lead(runs, date)}</p></header>
<main>
${body(runs, drawing)}
</main>
<footer><p>Written by densessm on ${utc(date)}. This file needs no network.</p></footer>
<script type="application/json" id="report-data">${jsonForScript({ axes: drawing.axes, charts: allCharts(drawing), start: drawing.start, refreshSeconds: refresh(runs) })}</script>
<script>${inline(assets.chartScript)}</script>
<script type="module">${inline(assets.script)}</script>
</body>
</html>
`.text;
}

const allCharts = ({ training, gates }: Drawing) => [...training, ...gates];

/** The names of the runs, or of what they are runs of where seeds or their number make that shorter. */
function titleOf(runs: readonly ReportRun[]): string {
  if (runs.length === 0) return 'No runs';
  const groups = groupsOf(runs);
  if (groups.length > 4 && groups.length < runs.length) return `${groups.length} settings, ${runs.length} runs`;
  if (groups.length < runs.length) return `${groups.map(({ label }) => label).join(' · ')}: ${runs.length} runs`;
  return runs.length > 4 ? `${runs.length} runs` : runs.map(({ name }) => name).join(' · ');
}

/** Between two looks at a run that goes on and writes its own report. */
const REFRESH_SECONDS = 20;
const refresh = (runs: readonly ReportRun[]): number | null => (runs.length === 1 && runs[0]?.state === 'running' ? REFRESH_SECONDS : null);

/** Scripts and styles stand in the page as they are; none may end its own element. */
const inline = (text: string): Html => new Html(text.replace(/<\/(?=script|style)/gi, '<\\/'));

const utc = (date: Date): string => `${date.toISOString().slice(0, 16).replace('T', ' ')} UTC`;

function lead(runs: readonly ReportRun[], date: Date): string {
  const [first] = runs;
  const isAlike = runs.every((run) => run.state === first?.state && run.steps.length === first?.steps.length);
  if (first !== undefined && runs.length > 2 && isAlike)
    return `All ${first.state ?? 'are runs'}, ${count(first.steps.length)} steps each. As of ${utc(date)}.`;
  const states = runs.map(({ name, state, steps }) => {
    const done = `${count(steps.length)} ${steps.length === 1 ? 'step' : 'steps'}`;
    return `${runs.length > 1 ? `${name}: ` : ''}${state ?? 'a run'}, ${done}`;
  });
  return `${states.join('; ')}. As of ${utc(date)}.`;
}

function body(runs: readonly ReportRun[], drawing: Drawing): Html {
  return html`<section aria-label="Key figures">${verdicts(runs)}${keyFigures(
    runs.map(summarize),
    differing(runs),
    colorsOf(runs).map(({ run }) => run),
  )}</section>
${settingsSection(runs)}
${curvesSection(drawing)}
${samplesSection(runs)}
${gatesSection(runs, drawing)}
${configSection(runs)}`;
}

const AXES = [
  ['logX', 'log x'],
  ['logY', 'log y'],
  ['whole', 'with warm-up'],
] as const;

function curvesSection({ training, axes, start, stepsPerPoint }: Drawing): Html {
  const [first, ...small] = training;
  const difference = small.find(({ id }) => id === 'difference');
  const others = small.filter((chart) => chart !== difference);
  if (first === undefined) return html`<section><p class="lead">Nothing is measured yet.</p></section>`;
  const thinned =
    stepsPerPoint > 1
      ? html`<p class="lead">Drawn with one point for every ${count(stepsPerPoint)} steps; the faint band reaches from the lowest to the highest of them. log.jsonl has every step.</p>`
      : undefined;
  return html`<section aria-labeledby="curves"><div class="heading"><h2 id="curves">Training</h2>
<fieldset class="choice" hidden><legend>Over</legend>${['steps', 'tokens', 'minutes'].map((unit, i) => html`<label><input type="radio" name="axis" value="${unit}"${i === 0 ? html` checked` : undefined}>${unit}</label>`)}</fieldset>
<fieldset class="choice" hidden><legend>Axes</legend>${AXES.filter(([name]) => name !== 'whole' || start.steps > 0).map(([name, label]) => html`<label><input type="checkbox" name="${name}">${label}</label>`)}</fieldset></div>
${thinned}<p class="hint" hidden>Drag across a curve to look closer, double-click to see all of it again; click a name below to hide its curve.${start.steps > 0 ? ` The curves begin after the warm-up of ${count(start.steps)} steps.` : ''}</p>
${first.id === 'loss' ? undefined : html`<p class="lead">No loss was finite.</p>`}
${difference ? figure(difference) : undefined}${figure(first, true)}${numbersTable(first, (axis) => axes[axis]?.steps ?? [])}
<div class="${others.length === 4 ? 'grid pairs' : 'grid'}">${others.map((chart) => figure(chart))}</div>
<noscript><p>The curves are drawn by a script in this file, which is switched off.</p></noscript></section>`;
}
