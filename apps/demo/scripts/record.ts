/**
 * `node scripts/run.mjs apps/demo/scripts/record.ts DENSE-RUN PLAIN-RUN`: what the demo shows before a model is loaded. Reads the dense model in
 * `public/models` for the pictures of Look inside and the logs of the two runs for the curves; writes `public/traces` and `public/recorded-run.json`.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inspect, serializeTrace, type Trace } from '@densessm/inspect';
import { loadModel } from 'densessm';
import type { TextTrace } from 'densessm/web';
import { EXAMPLES } from '../src/rooms/look/examples';
import { pictureOf } from '../src/rooms/look/picture';
import type { RecordedRun } from '../src/state/recorded';

const publicFolder = join(dirname(fileURLToPath(import.meta.url)), '..', 'public');
/** Points of a curve. */
const POINTS = 160;
/** Of the value before, in the next average. */
const KEPT = 0.95;
/** Tokens of a picture at most: hidden attention takes their square. */
const MOST_TOKENS = 96;

const model = await loadModel(join(publicFolder, 'models', 'dense'), { device: 'wasm', threads: 1 });

function withTexts(trace: Trace): TextTrace {
  const textOf = (id: number) => model.tokenizer.decode([id]);
  const candidates = Object.fromEntries(trace.layers.flatMap(({ lens }) => [...lens.ids]).map((id) => [id, textOf(id)]));
  return { ...trace, texts: Array.from(trace.tokens, textOf), candidates };
}

mkdirSync(join(publicFolder, 'traces'), { recursive: true });
for (const { id, name, text } of EXAMPLES) {
  const tokens = model.tokenizer.encode(text).slice(0, MOST_TOKENS);
  const [open, closed] = [await inspect(model, tokens, { lensSize: 3 }), await inspect(model, tokens, { lensSize: 3, closeGates: true })];
  const bytes = serializeTrace(await pictureOf(name, withTexts(open), withTexts(closed)));
  writeFileSync(join(publicFolder, 'traces', `${id}.bin`), bytes);
  process.stdout.write(`${id}: ${tokens.length} tokens, ${bytes.length} bytes\n`);
}
await model.dispose();

interface LogLine {
  readonly type: string;
  readonly step: number;
  readonly loss: number;
  readonly tokens: number;
}
const [denseRuns, plainRuns] = ['dense', 'plain'].map((_, i) => (process.argv[2 + i] ?? '').split(',').filter(Boolean));
if (denseRuns?.length && plainRuns?.length) {
  const linesOf = (folders: readonly string[]) =>
    folders.flatMap((folder) =>
      readFileSync(join(folder, 'log.jsonl'), 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as LogLine),
    );
  const [dense, plain] = [linesOf(denseRuns), linesOf(plainRuns)];
  const lossesOf = (lines: readonly LogLine[]) => {
    let [sum, weight] = [0, 0];
    return lines
      .filter(({ type }) => type === 'step')
      .map(({ loss }) => {
        [sum, weight] = [sum * KEPT + loss * (1 - KEPT), weight * KEPT + (1 - KEPT)];
        return sum / weight;
      });
  };
  const heldOutOf = (lines: readonly LogLine[]) => lines.findLast(({ type }) => type === 'evaluation')?.loss ?? Number.NaN;
  const [ofDense, ofPlain] = [lossesOf(dense), lossesOf(plain)];
  const every = Math.max(1, Math.floor(Math.min(ofDense.length, ofPlain.length) / POINTS));
  const places = ofDense.map((_, i) => i).filter((i) => i % every === 0 && i < ofPlain.length);
  const pick = (values: readonly number[]) => places.map((i) => Number((values[i] ?? 0).toFixed(3)));
  const run: RecordedRun = {
    steps: places.map((i) => i + 1),
    dense: pick(ofDense),
    plain: pick(ofPlain),
    heldOut: { dense: Number(heldOutOf(dense).toFixed(3)), plain: Number(heldOutOf(plain).toFixed(3)) },
    tokens: dense.filter(({ type }) => type === 'step').reduce((sum, { tokens }) => sum + tokens, 0),
  };
  writeFileSync(join(publicFolder, 'recorded-run.json'), `${JSON.stringify(run)}\n`);
}
