// What is measured, and not asserted in `npm test`: on a busy machine these say little. `node apps/demo/test/check.mjs times memory`.
import assert from 'node:assert/strict';
import { ask, ended, engineOf, open, press, set } from './page.mjs';
import { DESKTOP } from './see.mjs';

/** @typedef {import('./rooms.mjs').Place} Place */

const say = (/** @type {string} */ text) => process.stdout.write(`      ${text}\n`);

/** Longest tasks of the page from its start on. @param {import('playwright-core').BrowserContext} context */
const watchTasks = (context) =>
  context.addInitScript(() => {
    globalThis.tasks = [];
    new PerformanceObserver((list) =>
      globalThis.tasks.push(...list.getEntries().map(({ startTime, duration }) => ({ startTime, duration }))),
    ).observe({
      type: 'longtask',
      buffered: true,
    });
  });

/** Until the first visit can be used, the longest task of the page, and how long Esc takes. @param {Place} place */
export async function times({ browser, url }) {
  const context = await browser.newContext({ ...DESKTOP, reducedMotion: 'no-preference' });
  await watchTasks(context);
  const page = await context.newPage();
  await page.goto(`${url}#/talk`);
  await page.getByRole('button', { name: 'Write', exact: true }).waitFor();
  const first = await page.evaluate(async () => {
    const [paint] = performance.getEntriesByName('first-contentful-paint');
    await new Promise((done) => requestIdleCallback(done));
    const { startTime, duration } = globalThis.tasks.at(-1) ?? { startTime: 0, duration: 0 };
    return { painted: paint?.startTime ?? 0, interactive: Math.max(paint?.startTime ?? 0, startTime + duration) };
  });
  say(`first paint ${Math.round(first.painted)} ms, interactive ${Math.round(first.interactive)} ms after the navigation`);
  await page.waitForFunction(() => crossOriginIsolated);
  await page.getByText('values, int8').waitFor();
  const loaded = await page.evaluate(() => Math.round(performance.now()));
  say(`model there ${loaded} ms after the reload that isolates the page`);
  await set(page, { tokens: 512 });
  await press(page, 'Write');
  await page.locator('[data-i="100"]').waitFor();
  say(`Esc in a text: ${await stopping(page, () => ended(page, /^Stopped/))} ms`);
  await page.goto(`${url}#/train?size=small`);
  await press(page, 'Train both');
  await page.getByText(/^[3-9] of 500/).waitFor();
  say(`Esc in a run, until the step is done and saved: ${await stopping(page, () => page.getByText('Paused. It can').waitFor())} ms`);
  const longest = await page.evaluate(() => Math.max(0, ...globalThis.tasks.map(({ duration }) => duration)));
  say(`longest task of the page since its reload: ${Math.round(longest)} ms`);
  await context.close();
}

/** @param {import('playwright-core').Page} page @param {() => Promise<void>} stopped */
async function stopping(page, stopped) {
  const began = performance.now();
  await page.keyboard.press('Escape');
  await stopped();
  return Math.round(performance.now() - began);
}

/**
 * Bytes that a run may come to hold after its first minute: its log when full, which is 600 steps of some 500 bytes and 100 evaluations of 3 kB with their
 * gates and samples, and as much again for the charts that are drawn of it.
 */
const LOG_AND_CHARTS = 2 * (600 * 500 + 100 * 3000);

/** What a page holds, in MB and tensors, minute by minute: after the first one nothing comes but what a log of fixed size may hold. MINUTES says how long, 10 by itself. @param {Place} place */
export async function memory({ browser, url }) {
  const minutes = Number(process.env.MINUTES ?? 10);
  const context = await browser.newContext(DESKTOP);
  const { page } = await open(context, url, '#/train?size=tiny&steps=1000000');
  await press(page, 'Train both');
  await page.getByText(/^\d+ of 1000000/).waitFor();
  const session = await context.newCDPSession(page);
  const seen = [];
  for (let minute = 1; minute <= minutes; minute++) {
    await page.waitForTimeout(60_000);
    await ask(page, 'Pause');
    const now = await held(page, session);
    seen.push(now);
    const [step] = (await page.getByText(/^\d+ of 1000000/).textContent())?.split(',') ?? [];
    const { tensors, ...bytes } = now;
    const said = Object.entries(bytes).map(([what, count]) => `${what} ${(count / 1e6).toFixed(2)} MB`);
    say(`${minute} min, ${step}: ${said.join(', ')}, ${tensors} tensors`);
    await press(page, 'Resume');
  }
  await context.close();
  const [first, last] = [seen[0], seen.at(-1)];
  assert.ok(first && last);
  assert.equal(last.tensors, first.tensors, 'tensors');
  assert.equal(last.ofTensors, first.ofTensors, 'bytes of tensors');
  // it grows by fifths: blocks of many sizes leave gaps, and may take one such step more
  assert.ok(last.wasm <= 1.25 * first.wasm, 'the memory of WebAssembly');
  for (const where of /** @type {const} */ (['page', 'worker']))
    assert.ok(last[where] - first[where] <= LOG_AND_CHARTS, `the ${where} has ${last[where] - first[where]} bytes more`);
}

/**
 * Bytes of JavaScript in the page and in its worker, after all garbage was collected, of WebAssembly and of tensors, and how many tensors.
 * @param {import('playwright-core').Page} page @param {import('playwright-core').CDPSession} session
 */
async function held(page, session) {
  for (let time = 0; time < 3; time++) {
    await page.evaluate(() => new Promise((idle) => requestAnimationFrame(() => requestIdleCallback(idle)))); // what was drawn last is let go of
    await session.send('HeapProfiler.collectGarbage');
  }
  const { usedSize } = await session.send('Runtime.getHeapUsage');
  const ofWorker = await page.evaluate(async () => {
    const { breakdown } = await /** @type {any} */ (performance).measureUserAgentSpecificMemory();
    const isWorker = ({ attribution }) => attribution.some(({ scope }) => scope === 'DedicatedWorkerGlobalScope');
    return breakdown.filter(isWorker).reduce((sum, { bytes }) => sum + bytes, 0);
  });
  const { wasm, ...tensors } = await engineOf(page).evaluate(() => {
    const { state, backend } = /** @type {any} */ (globalThis)._tfengine;
    return { tensors: state.numTensors, ofTensors: state.numBytes, wasm: backend.wasm?.HEAPU8.byteLength ?? 0 };
  });
  return { page: usedSize, worker: ofWorker - wasm, wasm, ...tensors };
}
