/**
 * `node scripts/run.mjs bench/threads.ts`: products and a training step of Mamba on wasm with one thread and with several, in turns in one
 * run, by the clock: the least time of all rounds and its ratio to one thread. Each training step must give the same loss.
 * Options: --threads 1,2, --seconds (for each line), --hidden, --layers, --batch, --length.
 */
import { cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { crossEntropy, matMul } from '@densessm/kernels';
import { startBackend } from '@densessm/runtime-node';
import { disposeGrads, valueAndGrads } from '@densessm/ssm-core';
import { dispose, randomUniform, reshape, type Scalar, tensor1d, tensor2d, tidy } from '@tensorflow/tfjs-core';
import { sixModels } from '../scripts/lib/six-models';
import { alignTable } from '../scripts/lib/table';

type Run = () => Promise<unknown>;
const VOCABULARY = 65;

const text = (fallback: string) => ({ type: 'string', default: fallback }) as const;
const { values } = parseArgs({
  options: { threads: text('1,2'), seconds: text('5'), hidden: text('128'), layers: text('4'), batch: text('12'), length: text('64') },
});
const counts = values.threads.split(',').map(Number);
const hidden = Number(values.hidden);
const layers = Number(values.layers);
const batch = Number(values.batch);
const length = Number(values.length);

/** The least milliseconds of a run for each number of threads. */
async function leastTimes(run: Run): Promise<number[]> {
  const least = counts.map(() => Number.POSITIVE_INFINITY);
  const end = performance.now() + 1000 * Number(values.seconds);
  do {
    for (const [i, threads] of counts.entries()) {
      await startBackend({ device: 'wasm', threads });
      await run(); // the threads are warm, and what the other number left behind is collected
      const start = performance.now();
      await run();
      least[i] = Math.min(least[i] as number, performance.now() - start);
    }
  } while (performance.now() < end);
  return least;
}

function line(name: string, least: number[], work?: number): string[] {
  const first = least[0] as number;
  const cells = least.map(
    (ms) => `${ms.toFixed(1)} ms${work ? `, ${(work / ms / 1e6).toFixed(0)} GFLOP/s` : ''} (${(first / ms).toFixed(2)})`,
  );
  return [name, ...cells];
}

/** One forward and backward of the cross entropy of next tokens. */
function makeStep(): Run {
  const chosen = sixModels({ vocabSize: VOCABULARY, hiddenSize: hidden, layers, heads: 4 }).find(({ name }) => name === 'Mamba');
  if (chosen === undefined) throw new Error('there is no Mamba');
  const { model, json } = chosen;
  const config = model.parseConfig(json);
  const params: object = model.init(config, 1);
  const ids = (shift: number) => Int32Array.from({ length: batch * length }, (_, i) => ((i + shift) * 7919) % VOCABULARY);
  const tokens = tensor2d(ids(0), [batch, length], 'int32');
  const targets = tensor1d(ids(1), 'int32');
  const lossOf = (current: object) =>
    tidy(() => crossEntropy({ logits: reshape(model.forward(current, config, tokens), [-1, VOCABULARY]), targets }) as Scalar);
  let known: number | undefined;
  return async () => {
    const result = valueAndGrads(lossOf, params);
    const loss = (await result.value.data())[0] as number;
    disposeGrads(result);
    if (known !== undefined && loss !== known) throw new Error(`the losses differ: ${loss} and ${known}`);
    known = loss;
  };
}

const { reason } = await startBackend({ device: 'wasm', threads: Math.max(...counts) });
console.log(`${cpus()[0]?.model}, ${cpus().length} cores, Node ${process.versions.node}, load ${loadavg()[0]?.toFixed(1)}; ${reason}\n`);
const rows: string[][] = [];
for (const size of [256, 512, 1024]) {
  const [a, b] = [randomUniform([size, size], -1, 1), randomUniform([size, size], -1, 1)];
  for (const [form, attrs] of Object.entries({ A·B: {}, A·Bᵀ: { transposeB: true }, Aᵀ·B: { transposeA: true } })) {
    const least = await leastTimes(async () => matMul({ a, b }, attrs).dispose());
    rows.push(line(`${form}, ${size}`, least, 2 * size ** 3));
  }
  dispose([a, b]);
}
rows.push(line(`step, ${layers} × ${hidden}, ${batch} × ${length}`, await leastTimes(makeStep())));
for (const row of alignTable([['', ...counts.map((threads) => `${threads} threads`)], ...rows])) console.log(row);
