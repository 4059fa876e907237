/** The page of bench/browser.ts: measures, shows each line and sends it to the program. */
import { packParams } from '@densessm/kernels';
import { type MambaParams, mamba } from '@densessm/mamba';
import { startBackend } from '@densessm/runtime-web';
import { disposeTree } from '@densessm/ssm-core';
import type { Figure } from '../lib/measured';
import { makeStep } from '../lib/training-step';

const asked = new URLSearchParams(location.search);
const number = (name: string, fallback: number): number => Number(asked.get(name) ?? fallback);
const [rounds, most] = [number('rounds', 3), number('threads', navigator.hardwareConcurrency)];
const [layers, vocabulary, prompt, tokens] = [number('layers', 24), 50_280, 512, 32];

async function say(line: string, path = '/line'): Promise<void> {
  document.querySelector('#report')?.append(`${line}\n`);
  await fetch(path, { method: 'POST', body: line });
}

/** Milliseconds of the fastest round; the first does not count. */
async function least(run: () => Promise<unknown>): Promise<number> {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round <= rounds; round++) {
    const start = performance.now();
    await run();
    if (round > 0) best = Math.min(best, performance.now() - start);
  }
  return best;
}

const tokenAt = (i: number): number => (i * 7919) % vocabulary;

/** Tokens per second, in a table that can be pasted as it is. */
const columns = ['device', 'token by token', `a prompt of ${prompt}`, 'a training step'] as const;
const row = (cells: readonly string[]): Promise<void> => say(`| ${cells.join(' | ')} |`);

/** The sizes of state-spaces/mamba-130m-hf. */
const json = { model_type: 'mamba', vocab_size: vocabulary, hidden_size: 768, num_hidden_layers: layers, tie_word_embeddings: true };
const config = mamba.parseConfig(json);

/** Tokens per second of the backend that runs. */
interface Rates {
  readonly decoding: number;
  readonly prompt: number;
  readonly training: number;
}

async function ratesOf(): Promise<Rates> {
  const whole: MambaParams = mamba.init(config, 1);
  const params = await packParams(mamba.spec(config), whole, { weights: 'int8' });
  disposeTree(whole);
  const decoder = await mamba.decoder?.(config, { batch: 1 })?.(params);
  if (decoder === undefined) throw new Error('the backend has no decoder');
  const decoding = await least(async () => {
    for (let i = 0; i < tokens; i++) await decoder.step([tokenAt(i)]);
  });
  const reading = await least(async () => {
    const start = mamba.initialState(config, 1);
    const [logits, state] = mamba.advance(params, config, [Array.from({ length: prompt }, (_, i) => tokenAt(i))], start, {
      logits: 'last',
    });
    await logits.data();
    disposeTree([start, logits, state]);
  });
  decoder.dispose();
  disposeTree(params);
  const training = await least(makeStep('Mamba', { layers: 4, hidden: 128, batch: 12, length: 64, vocab: 65 }));
  const speed = (work: number, ms: number): number => (work * 1000) / ms;
  return { decoding: speed(tokens, decoding), prompt: speed(prompt, reading), training: speed(12 * 64, training) };
}

/** Says a backend's rates, and gives them as docs/measured keeps them. */
async function figureOf(name: string, reason: string, threads?: number): Promise<Figure> {
  const rates = await ratesOf();
  await row([reason, ...Object.values(rates).map((rate) => rate.toFixed(0))]);
  return { part: 'browser', name, dtype: 'int8', ...(threads && { threads }), ...rates, unit: 'tokens/s' };
}

async function measure(): Promise<void> {
  await say(`${navigator.userAgent}\n`);
  await say(
    `Tokens per second; the model has ${layers} layers of 768 in int8, the one that is trained 4 of 128, on 12 × 64 tokens forward and backward.\n`,
  );
  await row(columns);
  await row(columns.map(() => '---'));
  const figures: Figure[] = [];
  for (const threads of new Set([most, 1])) {
    // tensors that are left over allow fewer threads, not more
    const { reason } = await startBackend({ device: 'wasm', threads });
    figures.push(await figureOf('WebAssembly', reason, threads));
  }
  const gpu = await startBackend({ device: 'webgpu' }).catch((error: unknown) => String(error).split('\n', 1)[0] as string);
  if (typeof gpu === 'string') await row([gpu, '', '', '']);
  else figures.push(await figureOf('WebGPU', gpu.reason));
  await say(JSON.stringify({ agent: navigator.userAgent, figures }), '/figures');
}

try {
  await measure();
  await say('', '/end');
} catch (error) {
  await say(String(error), '/failed');
}
