import { BESIDES } from '../data/compare';
import type { ReportRun } from '../data/run';
import { type Html, html } from './html';
import { count, NOTHING } from './numbers';

/** One line of a table: a name, and a value for each run. */
interface Line {
  readonly name: string;
  readonly values: readonly string[];
}

/** Every setting of every run; before them, where there are several runs, those in which they differ. */
export function configSection(runs: readonly ReportRun[]): Html | undefined {
  if (runs.every(({ info }) => info === undefined)) return undefined;
  const groups = [
    ['Training', linesOf(runs.map(({ info }) => info?.settings))],
    ['Model', linesOf(runs.map(({ info }) => info && { parameters: count(info.parameters), ...info.config }))],
    ['Data', linesOf(runs.map(({ info }) => info?.data))],
    ['Run', linesOf(runs.map(runFacts))],
  ] as const;
  const different = groups
    .filter(([title]) => title !== 'Run')
    .flatMap(([, lines]) => lines.filter((line) => differs(line) && !BESIDES.includes(line.name)));
  return html`<section aria-labeledby="config"><h2 id="config">Configuration</h2>
${runs.length > 1 ? table('What differs', different, runs, 'Nothing: the runs have the same settings.') : undefined}
${groups.map(([title, lines]) => html`<details${runs.length === 1 && title === 'Training' ? html` open` : undefined}><summary>${title}</summary>${table(title, lines, runs, 'Nothing is known.')}</details>`)}
${runs.map(command)}</section>`;
}

const runFacts = ({ info, state }: ReportRun): Record<string, unknown> | undefined =>
  info && {
    state,
    created: info.created,
    updated: info.updated,
    host: info.process.host,
    backend: info.backend,
    ...info.versions,
  };

function linesOf(objects: readonly (object | undefined)[]): Line[] {
  const entries = objects.map((one) => new Map(one ? flatten(one) : []));
  const names = [...new Set(entries.flatMap((one) => [...one.keys()]))];
  return names.map((name) => ({ name, values: entries.map((one) => one.get(name) ?? NOTHING) }));
}

/** Nested objects as `outer.inner`; lists as they are in JSON. */
function flatten(value: object, prefix = ''): [string, string][] {
  return Object.entries(value).flatMap(([key, inner]): [string, string][] => {
    if (inner === undefined || inner === null) return [];
    if (typeof inner === 'object' && !Array.isArray(inner)) return flatten(inner, `${prefix}${key}.`);
    return [[prefix + key, typeof inner === 'string' ? inner : Array.isArray(inner) ? listed(inner) : String(inner)]];
  });
}

const listed = (values: readonly unknown[]): string =>
  values.map((one) => (typeof one === 'string' ? one : JSON.stringify(one))).join(', ');

const differs = ({ values }: Line): boolean => new Set(values).size > 1;

function table(label: string, lines: readonly Line[], runs: readonly ReportRun[], empty: string): Html {
  if (lines.length === 0) return html`<p>${empty}</p>`;
  if (runs.length === 1) return html`<dl class="facts">${lines.map(fact)}</dl>`;
  const row = (line: Line): Html =>
    html`<tr${differs(line) ? html` class="differs"` : undefined}><th scope="row">${line.name}</th>${line.values.map((value) => html`<td>${value}</td>`)}</tr>\n`;
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${label}"><table class="config stack">
<thead><tr><th scope="col">${label}</th>${runs.map(({ name }) => html`<th scope="col">${name}</th>`)}</tr></thead>
<tbody>
${lines.map(row)}</tbody></table></div>`;
}

const fact = ({ name, values }: Line): Html => html`<div><dt>${name}</dt><dd>${values[0]}</dd></div>\n`;

/** What was typed, fit to be typed again. */
function command({ info, name }: ReportRun, _: number, runs: readonly ReportRun[]): Html | undefined {
  if (info === undefined || info.command.length === 0) return undefined;
  const words = ['densessm', ...info.command].map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`));
  return html`<p class="command">${runs.length > 1 ? html`<span>${name}</span>` : undefined}<code>${words.join(' ')}</code></p>`;
}
