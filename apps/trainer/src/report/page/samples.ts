import type { SampleRecord } from '@densessm/train';
import { colorsOf } from '../data/compare';
import type { ReportRun } from '../data/run';
import { type Html, html } from './html';
import { count } from './numbers';

/** Most steps whose samples are shown, spread evenly. */
const MOST = 24;

/** What the models wrote as they learned, newest first. */
export function samplesSection(runs: readonly ReportRun[]): Html | undefined {
  const steps = [...new Set(runs.flatMap(({ samples }) => samples.map(({ step }) => step)))].sort((a, b) => b - a);
  if (steps.length === 0) return undefined;
  const shown =
    steps.length <= MOST
      ? steps
      : Array.from({ length: MOST }, (_, i) => steps[Math.round((i * (steps.length - 1)) / (MOST - 1))] as number);
  const some = shown.length < steps.length ? ` ${MOST} of ${count(steps.length)} steps, spread evenly.` : '';
  return html`<section aria-labeledby="samples"><h2 id="samples">Samples</h2>
<p class="lead">What the model makes of the words in bold, newest first.${some}</p>
${shown.map((step, i) => atStep(runs, step, i === 0))}</section>`;
}

function atStep(runs: readonly ReportRun[], step: number, open: boolean): Html {
  const colors = colorsOf(runs);
  const texts = runs.flatMap((run, i) => {
    const sample = run.samples.find((one) => one.step === step);
    return sample ? [one(sample, runs.length > 1 ? { name: run.name, index: colors[i]?.run ?? i } : undefined)] : [];
  });
  return html`<details class="samples"${open ? html` open` : undefined}><summary>Step ${count(step)}</summary><div class="grid">${texts}</div></details>\n`;
}

const one = ({ prompt, text }: SampleRecord, run: { name: string; index: number } | undefined): Html =>
  html`<article>${run ? html`<h3><span class="swatch run-${run.index % 6}"></span>${run.name}</h3>` : undefined}<p class="sample" dir="auto"><b>${prompt}</b>${text}</p></article>`;
