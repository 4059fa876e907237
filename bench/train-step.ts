/**
 * `node scripts/run.mjs bench/train-step.ts`: forward and backward of a Mamba on wasm, as in training: the least of several rounds,
 * by the processor time that the process used, with our kernels and with the references of some of them instead; then what each kernel
 * takes of a step, by the clock (--profile 0 leaves that out).
 * Options: --hidden, --layers, --batch, --length, --vocab, --model (part of a name in packages/conformance/src/six-models.ts), --rounds.
 */
import { cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { startBackend } from '@densessm/runtime-node';
import { getKernelsForBackend, registerKernel, unregisterKernel } from '@tensorflow/tfjs-core';
import { alignTable } from '../scripts/lib/table';
import { makeStep, REPLACEABLE, without } from './lib/training-step';

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

/** The least time of a step with all kernels and without some, in turns, so that what else the machine does falls on all alike. */
async function compare(step: () => Promise<number>, rounds: number): Promise<Map<string, number>> {
  const variants: [string, readonly string[]][] = [['all kernels', []]];
  for (const name of REPLACEABLE) variants.push([`without ${name}`, [name]]);
  variants.push(['without these', REPLACEABLE]);
  const least = new Map<string, number>();
  for (let round = 0; round < rounds; round++) {
    for (const [name, parts] of variants) {
      await without(parts, async () => {
        await step(); // so that no garbage of another variant is collected in the time of this one
        const start = used();
        await step();
        least.set(name, Math.min(least.get(name) ?? Number.POSITIVE_INFINITY, used() - start));
      });
    }
  }
  return least;
}

async function printShares(step: () => Promise<number>, rounds: number): Promise<void> {
  const spent = watchKernels();
  const start = performance.now();
  for (let round = 0; round < rounds; round++) await step();
  const whole = (performance.now() - start) / rounds;
  const rows = [...spent].filter(([, { calls }]) => calls > 0).sort(([, a], [, b]) => b.ms - a.ms);
  const line = (name: string, ms: number, calls: number) => [name, ms.toFixed(2), `${((100 * ms) / whole).toFixed(1)} %`, calls.toFixed(0)];
  const inKernels = rows.reduce((total, [, { ms }]) => total + ms / rounds, 0);
  const table = rows.map(([name, { ms, calls }]) => line(name, ms / rounds, calls / rounds));
  for (const row of alignTable([['kernel', 'ms', 'share', 'calls'], ...table, line('outside of kernels', whole - inKernels, 0)]))
    console.log(row);
}

const options = readOptions();
const { reason } = await startBackend({ device: 'wasm', threads: 1 });
const step = makeStep(options.model, options);
const loss = await step();
console.log(`${cpus()[0]?.model}, Node ${process.versions.node}, load ${loadavg()[0]?.toFixed(1)}; ${reason}`);
console.log(
  `${options.model}, ${options.layers} layers, hidden ${options.hidden}, ${options.batch} × ${options.length} tokens; loss ${loss}\n`,
);
const least = await compare(step, options.rounds);
const best = least.get('all kernels') as number;
const rows = [...least].map(([name, ms]) => [
  name,
  ms.toFixed(1),
  ((options.batch * options.length * 1000) / ms).toFixed(0),
  (ms / best).toFixed(2),
]);
for (const line of alignTable([['step', 'least ms', 'tokens/s', 'ratio'], ...rows])) console.log(line);
console.log();
if (options.profile) await printShares(step, options.rounds);
