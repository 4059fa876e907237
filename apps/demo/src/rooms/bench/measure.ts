/** Three rates of the device: reading, writing, learning. */
import { engine } from '../../state/engine.svelte';

export interface Measured {
  readonly name: string;
  readonly what: string;
  readonly perSecond: number;
}

const PROMPT = 512;
const ANSWER = 128;
const STEPS = 6;

export async function measure(signal: AbortSignal, onResult: (one: Measured) => void): Promise<void> {
  const model = await engine.ready(signal);
  if (!model) return;
  const ids = Array.from({ length: PROMPT }, (_, i) => (i * 7919) % model.vocabSize);
  await model.generate(ids.slice(0, 64), { maxTokens: 4, eosIds: [], signal }); // compiles and packs
  const read = await model.generate(ids, { maxTokens: 1, eosIds: [], signal });
  signal.throwIfAborted();
  onResult({ name: 'Prompt', what: `${PROMPT} tokens at once`, perSecond: PROMPT / read.firstTokenSeconds });
  const written = await model.generate(ids.slice(0, 8), { maxTokens: ANSWER, eosIds: [], signal });
  signal.throwIfAborted();
  onResult({ name: 'Answer', what: 'token by token', perSecond: (ANSWER - 1) / (written.seconds - written.firstTokenSeconds) });
  const seconds = await trainingStep(signal);
  onResult({ name: 'Training', what: '4 layers of 96, batches of 12 × 128', perSecond: (12 * 128) / seconds });
}

/** Seconds of a step of one model: the fastest of some, without the first. */
async function trainingStep(signal: AbortSignal): Promise<number> {
  const run = await engine.client.train({
    text: { kind: 'stories', characters: 60_000 },
    twins: ['plain'],
    maxSteps: STEPS,
    evalInterval: 0,
    sampleInterval: 0,
    saveIntervalMs: 0,
    start: false,
  });
  const times: number[] = [];
  run.listen((event) => {
    if (event.type === 'step' && event.twins.plain) times.push(event.twins.plain.seconds);
  });
  try {
    for (let step = 0; step < STEPS - 1; step++) {
      signal.throwIfAborted();
      await run.stepOnce();
    }
  } finally {
    await run.dispose();
    await engine.client.deleteRun(run.id).catch(() => undefined);
  }
  return Math.min(...times.slice(1));
}
