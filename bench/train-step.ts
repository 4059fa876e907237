/**
 * `node scripts/run.mjs bench/train-step.ts`: forward and backward of a Mamba on wasm, as in training: the least of several rounds,
 * by the processor time that the process used, with our kernels and with the references of some of them instead; then what each kernel
 * takes of the fastest step, by the clock (--profile 0 leaves that out), which FIGURES keeps (lib/keep.ts).
 * Options: --hidden, --layers, --batch, --length, --vocab, --model (part of a name in packages/conformance/src/six-models.ts), --rounds.
 */
import { cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { startBackend } from '@densessm/runtime-node';
import { getKernelsForBackend, registerKernel, unregisterKernel } from '@tensorflow/tfjs-core';
import { alignTable } from '../scripts/lib/table';
import { keepForDocs } from './lib/keep';
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

/** What each kernel takes in the fastest of some rounds, the longest first. */
async function sharesOf(step: () => Promise<number>, rounds: number): Promise<Shares> {
  const spent = watchKernels();
  let fastest: Shares = { whole: Number.POSITIVE_INFINITY, kernels: [] };
  for (let round = 0; round < rounds; round++) {
    for (const entry of spent.values()) Object.assign(entry, { ms: 0, calls: 0 });
    const start = performance.now();
    await step();
    const whole = performance.now() - start;
    if (whole >= fastest.whole) continue;
    const called = [...spent].filter(([, { calls }]) => calls > 0).map(([name, entry]) => ({ name, ...entry }));
    const outside = { name: 'outside of kernels', ms: whole - called.reduce((total, { ms }) => total + ms, 0), calls: 0 };
    fastest = { whole, kernels: [...called.sort((one, other) => other.ms - one.ms), outside] };
  }
  return fastest;
}

interface Shares {
  /** Milliseconds. */
  readonly whole: number;
  readonly kernels: readonly { readonly name: string; readonly ms: number; readonly calls: number }[];
}

function tableOfShares({ whole, kernels }: Shares): string[] {
  const rows = kernels.map(({ name, ms, calls }) => [name, ms.toFixed(2), `${((100 * ms) / whole).toFixed(1)} %`, String(calls)]);
  return alignTable([['kernel', 'ms', 'share', 'calls'], ...rows]);
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
if (options.profile) {
  const { model, layers, hidden, batch, length } = options;
  const shares = await sharesOf(step, options.rounds);
  for (const line of tableOfShares(shares)) console.log(line);
  const identity = { part: 'shares', name: `${model}, ${layers} × ${hidden}`, dtype: 'f32', threads: 1, batch, length };
  const [kernels, times] = [shares.kernels.map(({ name }) => name), shares.kernels.map(({ ms }) => ms)];
  keepForDocs(new Date().toISOString(), reason, [{ ...identity, ms: shares.whole, kernels, times }]);
}
