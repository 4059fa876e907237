// The page's side of worker-check.mjs, which calls these through playwright.
import wasmUrl from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url';
import { createWorkerClient } from 'densessm/web';

const worker = () => new Worker(new URL('./engine-worker.mjs', import.meta.url), { type: 'module' });
let client;
let model;
let run;
let snapshot;
const notices = [];

/** How long the page was busy without a break, at most, since the last call of it. */
let busiest = 0;
const busy = new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries()) busiest = Math.max(busiest, duration);
});
busy.observe({ type: 'longtask', buffered: false });

const lossesOf = () => run.events.flatMap((event) => (event.type === 'step' ? [[event.twins.dense.loss, event.twins.plain.loss]] : []));
const textOf = (bytes) => btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
const until = (state) => new Promise((resolve) => run.listen((event) => event.type === 'state' && event.state === state && resolve()));

globalThis.side = {
  async start(options) {
    client?.dispose();
    client = createWorkerClient({ worker, wasmUrl, ...options });
    return client.start();
  },
  /** The longest task that the browser calls long, which begins at 50 ms; 0 where there was none. */
  async busiest() {
    await new Promise((resolve) => setTimeout(resolve, 100)); // entries come late
    for (const { duration } of busy.takeRecords()) busiest = Math.max(busiest, duration);
    const most = busiest;
    busiest = 0;
    return most;
  },
  async load(source) {
    notices.length = 0;
    const progress = [];
    model = await client.load(source, { onNotice: (message) => notices.push(message), onProgress: ({ file }) => progress.push(file) });
    return { modelType: model.modelType, device: model.device, notices, files: [...new Set(progress)] };
  },
  generate: (prompt, options) => model.generate(prompt, options),
  /** What comes after a long text was cancelled, and in how many milliseconds. */
  async cancel() {
    const stop = new AbortController();
    let [tokens, cancelled] = [0, 0];
    const after = [];
    for await (const part of model.streamTokens('Call me', { maxTokens: 1e6, temperature: 1, seed: 1, eosIds: [], signal: stop.signal })) {
      const { token, finishReason } = part;
      if (stop.signal.aborted) after.push({ token, finishReason });
      else if (++tokens === 20) {
        cancelled = performance.now();
        stop.abort();
      }
    }
    return { ms: performance.now() - cancelled, after: JSON.parse(JSON.stringify(after)) };
  },
  async snapshot(text) {
    const session = await model.session();
    await session.append(text);
    snapshot = await session.snapshot();
    session.dispose();
    return textOf(snapshot);
  },
  async continued(bytes) {
    const session = await model.restoreSession(Uint8Array.from(atob(bytes), (letter) => letter.charCodeAt(0)));
    const { text } = await session.generate({ maxTokens: 12, eosIds: [] });
    session.dispose();
    return text;
  },
  async inspect() {
    const { layers, surprise } = await model.inspect('Call me', {});
    return { layers: layers.length, tokens: surprise.length };
  },
  kept: () => client.keptModels(),
  deleteKept: (source) => client.deleteKept(source),
  /** Writes other bytes of the same number into the largest piece of what is kept. */
  async damage() {
    const kept = await (await (await navigator.storage.getDirectory()).getDirectoryHandle('densessm')).getDirectoryHandle('models');
    let largest;
    for await (const folder of kept.values()) {
      for await (const handle of folder.values()) {
        const { size } = await handle.getFile();
        if (handle.name.startsWith('0-') && size > (largest?.size ?? 0)) largest = { handle, size };
      }
    }
    const writer = await largest.handle.createWritable();
    await writer.write(new Uint8Array(largest.size));
    await writer.close();
  },
  async train(options) {
    run = await client.train(options);
    return run.id;
  },
  async steps(count) {
    for (let step = 0; step < count; step++) await run.stepOnce();
    return lossesOf();
  },
  pause: () => run.pause(),
  async toTheEnd() {
    const ended = until('finished');
    await run.resume();
    await ended;
    return lossesOf();
  },
  async savedRuns() {
    return client.savedRuns();
  },
  async restore(id) {
    run = await client.restoreRun(id);
    return { step: run.step, state: run.state };
  },
  async trained() {
    const files = await run.download('dense');
    const open = await run.openModel('dense');
    const { text } = await open.generate('The ', { maxTokens: 12, eosIds: [] });
    await open.dispose();
    return { files: files.map(({ name, bytes }) => ({ name, text: textOf(bytes) })), text };
  },
};
