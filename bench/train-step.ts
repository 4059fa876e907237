/**
 * `node scripts/run.mjs bench/train-step.ts`: forward and backward of a Mamba on wasm, as in training. Best and median of several
 * rounds, by the processor time that the process used, then what each kernel takes of a step (--profile 0 leaves that out).
 * Options: --hidden, --layers, --batch, --length, --vocab, --model (part of a name in scripts/lib/six-models.ts), --rounds.
 */
import { cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { crossEntropy } from '@densessm/kernels';
import { startBackend } from '@densessm/runtime-node';
import { disposeGrads, valueAndGrads } from '@densessm/ssm-core';
import {
  getKernelsForBackend,
  registerKernel,
  reshape,
  type Scalar,
  tensor1d,
  tensor2d,
  tidy,
  unregisterKernel,
} from '@tensorflow/tfjs-core';
import { sixModels } from '../scripts/lib/six-models';
import { alignTable } from '../scripts/lib/table';

const used = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

function readOptions() {
  const text = (fallback: string) => ({ type: 'string', default: fallback }) as const;
  const options = {
    model: text('Mamba'),
    hidden: text('128'),
    layers: text('4'),
    batch: text('12'),
    length: text('64'),
    vocab: text('65'),
  };
  const { values } = parseArgs({ options: { ...options, rounds: text('15'), profile: text('1') } });
  const { model, ...numbers } = values;
  return {
    model,
    ...(Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, Number(value)])) as Record<Counted, number>),
  };
}
type Counted = 'hidden' | 'layers' | 'batch' | 'length' | 'vocab' | 'rounds' | 'profile';

/** One forward and backward of the cross entropy of next tokens. */
function makeStep({ model: name, hidden, layers, batch, length, vocab }: ReturnType<typeof readOptions>): () => Promise<number> {
  const chosen = sixModels({ vocabSize: vocab, hiddenSize: hidden, layers, heads: 4 }).find((one) => one.name === name);
  if (chosen === undefined) throw new Error(`there is no model ${name}`);
  const { model, json } = chosen;
  const config = model.parseConfig(json);
  const params: object = model.init(config, 1);
  const ids = (shift: number) => Int32Array.from({ length: batch * length }, (_, i) => ((i + shift) * 7919) % vocab);
  const tokens = tensor2d(ids(0), [batch, length], 'int32');
  const targets = tensor1d(ids(1), 'int32');
  return async () => {
    const result = valueAndGrads(
      (current: object) =>
        tidy(() => crossEntropy({ logits: reshape(model.forward(current, config, tokens), [-1, vocab]), targets }) as Scalar),
      params,
    );
    const [loss] = await result.value.data();
    disposeGrads(result);
    return loss as number;
  };
}

/** Milliseconds and calls by name of kernel from now on; references are made of kernels, so no time counts twice. */
function watchKernels(): Map<string, { ms: number; calls: number }> {
  const spent = new Map<string, { ms: number; calls: number }>();
  for (const config of getKernelsForBackend('wasm')) {
    const { kernelName, backendName, kernelFunc } = config;
    const entry = { ms: 0, calls: 0 };
    spent.set(kernelName, entry);
    unregisterKernel(kernelName, backendName);
    registerKernel({
      ...config,
      kernelFunc: (call) => {
        const start = performance.now();
        const output = kernelFunc(call);
        entry.ms += performance.now() - start;
        entry.calls++;
        return output;
      },
    });
  }
  return spent;
}

const options = readOptions();
const { reason } = await startBackend({ device: 'wasm' });
console.log(`${cpus()[0]?.model}, Node ${process.versions.node}, load ${loadavg()[0]?.toFixed(1)}; ${reason}`);
const step = makeStep(options);
const loss = await step();
const times: number[] = [];
for (let round = 0; round < options.rounds; round++) {
  const start = used();
  await step();
  times.push(used() - start);
}
times.sort((a, b) => a - b);
const [best, median] = [times[0] as number, times[times.length >> 1] as number];
const tokensPerSecond = (ms: number) => ((options.batch * options.length * 1000) / ms).toFixed(0);
console.log(
  `${options.model}, ${options.layers} layers, hidden ${options.hidden}, ${options.batch} × ${options.length} tokens; loss ${loss}`,
);
console.log(
  `best ${best.toFixed(1)} ms (${tokensPerSecond(best)} tokens/s), median ${median.toFixed(1)} ms (${tokensPerSecond(median)} tokens/s)\n`,
);
if (options.profile) {
  const spent = watchKernels();
  const start = performance.now();
  for (let round = 0; round < options.rounds; round++) await step();
  const whole = (performance.now() - start) / options.rounds;
  const rows = [...spent].filter(([, { calls }]) => calls > 0).sort(([, a], [, b]) => b.ms - a.ms);
  const line = (name: string, ms: number, calls: number) => [name, ms.toFixed(2), `${((100 * ms) / whole).toFixed(1)} %`, calls.toFixed(0)];
  const inKernels = rows.reduce((total, [, { ms }]) => total + ms / options.rounds, 0);
  const table = rows.map(([name, { ms, calls }]) => line(name, ms / options.rounds, calls / options.rounds));
  for (const row of alignTable([['kernel', 'ms', 'share', 'calls'], ...table, line('outside of kernels', whole - inKernels, 0)]))
    console.log(row);
}
