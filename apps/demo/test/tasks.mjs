// The page's own thread: how long one task of it keeps the processor, while the page loads, writes, looks inside and trains.
import assert from 'node:assert/strict';
import { launch } from './host.mjs';
import { ended, open, press, set } from './page.mjs';
import { DESKTOP } from './see.mjs';

/** Milliseconds of the processor's time, a task that waits for a busy processor is not longer by that, where {@link work} takes {@link WORK}. */
const LONGEST = 50;
const WORK = 15;
const CATEGORIES = ['devtools.timeline', 'disabled-by-default-devtools.timeline', 'blink.user_timing'];

/** What a processor is measured by, in the page: one that is slower may be slower. */
const work = () => {
  let x = 1;
  for (let i = 0; i < 1e7; i++) x = (Math.imul(x, 1664525) + 1013904223) | 0;
  return x;
};

/** No task of the page takes 50 ms, from an empty cache to a trained model. @param {import('./rooms.mjs').Place} place */
export async function tasks({ url }) {
  const browser = await launch();
  try {
    await browser.startTracing(undefined, { categories: CATEGORIES });
    const { page } = await open(await browser.newContext({ ...DESKTOP, reducedMotion: 'no-preference' }), url, '#/talk');
    const note = (/** @type {string} */ what) => page.evaluate((what) => performance.mark(`until ${what}`), what);
    await page.getByText('values, int8').waitFor();
    await page.getByText('million tokens each, recorded').waitFor();
    await note('loaded');
    await set(page, { seed: 1, tokens: 256 });
    await press(page, 'Write');
    await ended(page, /^Reached the token limit\./);
    await note('written');
    await page.goto(`${url}#/look`);
    await page.getByText('Half-life').waitFor();
    await press(page, 'Look with this model');
    await page.getByText('Computed here, now.').waitFor();
    await note('looked inside');
    await page.goto(`${url}#/train?size=tiny&steps=24`);
    await press(page, 'Train both');
    await page.getByText(/24 of 24 steps done/).waitFor();
    await note('trained');
    await page.evaluate(work);
    await note('measured');
    const longest = longestTasks(JSON.parse(String(await browser.stopTracing())).traceEvents);
    const said = longest.map(({ until, cpu }) => `${cpu.toFixed(0)} ms until ${until}`).join(', ');
    process.stdout.write(`      longest tasks: ${said}\n`);
    assert.equal(longest.length, 5, said);
    const most = LONGEST * Math.max(1, (longest.pop()?.cpu ?? 0) / WORK);
    for (const { cpu, until } of longest) assert.ok(cpu > 0 && cpu < most, `a task of ${cpu.toFixed(1)} ms until the page has ${until}`);
  } finally {
    await browser.close();
  }
}

/**
 * The longest task in each part of the visit. Chromium's own pages, as that of its address bar, have processes of their own and do not count.
 * @typedef {{ name: string, pid: number, tid: number, ts: number, tdur?: number, args: any }} TraceEvent
 * @param {TraceEvent[]} events
 */
function longestTasks(events) {
  const pages = new Set(events.filter(({ name, args }) => name === 'CommitLoad' && args.data.url.startsWith('http')).map(({ pid }) => pid));
  const threads = events.filter(({ name, args, pid }) => name === 'thread_name' && args.name === 'CrRendererMain' && pages.has(pid));
  const isPage = ({ pid, tid }) => threads.some((thread) => thread.pid === pid && thread.tid === tid);
  // the last task of a process that ends has no duration
  const tasks = events.filter((event) => event.name === 'RunTask' && isPage(event) && event.tdur !== undefined);
  const marks = events.filter(({ name }) => name.startsWith('until ')).sort((a, b) => a.ts - b.ts);
  return marks.map(({ name, ts }, i) => {
    const within = tasks.filter((task) => task.ts <= ts && task.ts > (marks[i - 1]?.ts ?? 0));
    return { until: name.slice('until '.length), cpu: Math.max(...within.map(({ tdur = 0 }) => tdur / 1000)) };
  });
}
