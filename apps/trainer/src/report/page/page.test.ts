import { beforeAll, describe, expect, it } from 'vitest';
import { readAssets } from '../assets';
import { reportRun } from '../data/run';
import { evaluation, gates, info, sample, step, steps } from '../test-support';
import { escapeHtml, html, jsonForScript } from './html';
import { type ReportAssets, reportHtml } from './page';

let assets: ReportAssets;
beforeAll(async () => {
  assets = await readAssets();
});
const page = (...runs: ReturnType<typeof reportRun>[]): string => reportHtml({ runs, date: new Date('2026-01-02T03:04:05Z'), assets });

const EVIL = `</script><script>alert("1")</script><img src='https://example.org/x.png'>&amp;\0\u{1f30d}\ud800`;
const learned = [...steps(30), evaluation(0, 4.1), evaluation(30, 1.25), sample(30, 'Once ', 'upon'), gates(0, 1, 2), gates(30, 1, 2)];

/** Everything between `<script type="application/json"…>` and the end of that element. */
function dataOf(text: string): { axes: unknown[]; charts: { id: string; curves: { values: unknown[] }[] }[] } {
  return JSON.parse(/<script type="application\/json"[^>]*>(.*?)<\/script>/s.exec(text)?.[1] ?? '');
}

/** The page without what it only holds as text: scripts and styles. */
const markup = (text: string): string => text.replace(/<(script|style)\b[^>]*>.*?<\/\1>/gs, '<$1></$1>');

describe('a report', () => {
  it('needs nothing but itself', () => {
    const text = page(reportRun('run', learned, info()));
    expect(text).toContain('content="default-src &#39;none&#39;; ');
    const loads = markup(text).match(/\s(src|href|srcset|action|data|poster|background)\s*=\s*("[^"]*"|'[^']*'|[^\s>]+)/gi);
    expect(loads).toEqual([' href="data:,"']);
    expect(text.match(/@import|url\(|\bfetch\(|XMLHttpRequest|WebSocket|EventSource|sendBeacon|\bimport\b\s*[({'"*]/g)).toBeNull();
  });

  it('shows samples, names and settings as they are, whatever they hold', () => {
    const text = page(
      reportRun(EVIL, [...learned, sample(40, EVIL, EVIL)], info({ name: EVIL, settings: { note: EVIL, [EVIL]: 1 }, command: [EVIL] })),
    );
    expect(markup(text)).not.toMatch(/<img|alert\("1"\)|<\/script><script>alert|\0/);
    expect(text.match(/<script/g)?.length).toBe(3);
    expect(text).toContain(
      '&lt;/script&gt;&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&lt;img src=&#39;https://example.org/x.png&#39;&gt;&amp;amp;\u2400\u{1f30d}\ufffd',
    );
    expect(dataOf(page(reportRun(EVIL, learned), reportRun('b', learned))).charts[0]?.curves[0]).toMatchObject({
      label: `${EVIL} training`,
    });
  });

  it('tells of a run in words and numbers', () => {
    const text = page(reportRun('run', learned, info()));
    for (const words of [
      '1.250',
      'at step 30',
      '1,234,567',
      'DenseMamba',
      'finished, 30 steps',
      '<b>Once </b>upon',
      'layer 2 state',
      'ssm.state',
      'a.txt, b.txt',
    ])
      expect(text).toContain(words);
    expect(text).toContain('densessm train --data &#39;it&#39;\\&#39;&#39;s here.txt&#39;');
    expect(dataOf(text).charts.map(({ id }) => id)).toEqual([
      ...['loss', 'learning-rate', 'gradient-norm', 'speed'],
      ...['gates-mean', 'gates-std', 'gates-absMax', 'gates-nearZero'],
    ]);
    expect(text).not.toContain('Drawn with one point');
  });

  it('compares runs, and says what differs', () => {
    const other = info({ config: { model_type: 'mamba', ssm: { state: 16 } } });
    const text = page(reportRun('dense', learned, info()), reportRun('plain', [...steps(30), evaluation(30, 1.5)], other));
    expect(text).toContain('<title>dense · plain</title>');
    expect(text).toMatch(/<strong>1\.250<\/strong>.*\n.*<td>1\.500/);
    const differing = /What differs.*?<\/table>/s.exec(text)?.[0] ?? '';
    expect(differing).toContain('<td>dense_mamba</td><td>mamba</td>');
    expect(differing).not.toContain('ssm.state');
    expect(dataOf(text).charts[0]?.curves.length).toBe(4);
  });

  it('says which is better and by how much, over the seeds that both have, and sorts by loss', () => {
    const seeded = (model: string, seed: number, loss: number) =>
      reportRun(
        `${model} ${seed}`,
        [...steps(30), evaluation(30, loss)],
        info({ settings: { model, seed, maxSteps: 30, warmupRatio: 0.1 } }),
      );
    const text = page(seeded('mamba', 1, 1.5), seeded('mamba', 2, 1.52), seeded('dense', 1, 1.39), seeded('dense', 2, 1.43));
    expect(text).toContain('<title>mamba · dense: 4 runs</title>');
    expect(text).toMatch(
      /<strong>dense<\/strong> has a validation loss <strong>0\.100 ± 0\.014<\/strong> nats .* lower than .*over 2 seeds/,
    );
    expect(
      [...text.matchAll(/<tr><th scope="row"><span class="swatch run-(\d)"><\/span>([^<]+)<\/th><td>([^<]+)/g)].map((one) => one.slice(1)),
    ).toEqual([
      ['1', 'dense 1', 'dense'],
      ['1', 'dense 2', 'dense'],
      ['0', 'mamba 1', 'mamba'],
      ['0', 'mamba 2', 'mamba'],
    ]);
    const data = dataOf(text) as unknown as { start: object; charts: { id: string; curves: object[] }[]; refreshSeconds: unknown };
    expect(data.start).toMatchObject({ steps: 3, tokens: 300 });
    expect(data.charts.find(({ id }) => id === 'difference')?.curves).toMatchObject([{ label: 'dense', values: [-0.1], low: [-0.114142] }]);
    expect(data.refreshSeconds).toBe(null);
  });

  it('refreshes by itself while its run goes on, and overlays the gates of several', () => {
    const going = reportRun('run', learned, info({ state: 'running' }));
    expect(dataOf(page(going))).toMatchObject({ refreshSeconds: 20 });
    const both = dataOf(page(going, reportRun('other', learned, info())));
    expect(both.charts.find(({ id }) => id === 'gates-mean')?.curves.length).toBe(4);
  });

  it('is whole with nothing, one step, no finite loss, gates that are not finite, and a hundred thousand steps', () => {
    expect(page(reportRun('run', []))).toContain('Nothing is measured yet');
    expect(page()).toContain('<title>No runs</title>');
    expect(dataOf(page(reportRun('run', [step(0)]))).charts[0]?.curves[0]?.values).toEqual([4]);
    const never = page(reportRun('run', [step(0, { loss: Number.NaN }), evaluation(1, Number.NaN), gates(1)]));
    expect(never).toContain('No loss was finite');
    expect(never).toContain('never finite');
    expect(never).not.toMatch(/>(NaN|undefined|null)</);
    const long = page(reportRun('run', steps(100_000)));
    expect(long).toContain('Drawn with one point for every 50 steps');
    expect(long.length).toBeLessThan(500_000);
  });

  it('says which values a chart cuts off', () => {
    const text = page(
      reportRun('run', [...steps(30), ...Array.from({ length: 30 }, (_, i) => evaluation(i, i === 7 ? 1e9 : 2 + i / 100))]),
    );
    expect(text).toMatch(/Values above [\d.]+ nats per token are cut off/);
  });
});

describe('escaping', () => {
  it('leaves no character with a meaning in HTML or in a script', () => {
    expect(escapeHtml(`<a href="x" id='y'>&\t\n\r\u007f\u0085`)).toBe(
      '&lt;a href=&quot;x&quot; id=&#39;y&#39;&gt;&amp;\t\n\u240d\u2421\ufffd',
    );
    expect(html`<p>${'<'}${html`<b>${[1, '&']}</b>`}${undefined}</p>`.text).toBe('<p>&lt;<b>1&amp;</b></p>');
    const json = jsonForScript({ a: '</script><!--\u2028' }).text;
    expect(json).not.toMatch(/[<>\u2028]/);
    expect(JSON.parse(json)).toEqual({ a: '</script><!--\u2028' });
  });
});
