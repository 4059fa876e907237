/** The tables of docs/speed.md, from docs/measured/cpu.json (`npm run bench:cpu`, bench/trainer.ts) and torch-cpu.json (bench/peers/train_torch.py). */
import type { Figure, Measured } from '../../bench/lib/measured';
import { digits, measured, numberOf, runTable, tableOf } from './measured';

/** The processor of which the tables are. */
const HERE = 'Intel Skylake';
const DECODED = [
  ['f32', 'mamba.c f32'],
  ['f32', 'llama.cpp f32'],
  ['bf16', 'llama.cpp f16'],
  ['int8', 'llama.cpp q8_0'],
  ['int4', 'llama.cpp q4_0'],
] as const;
const PREFILL = [
  ['f32', 'llama.cpp f32'],
  ['int8', 'llama.cpp q8_0'],
] as const;
const PROMPT = 'Mamba-130M, 512 tokens';

/** Ours ÷ theirs, where both or their ratio is known. */
function ratioOf(cpu: Measured, sought: Figure): string {
  const of = (quantity: string): number | undefined => numberOf(cpu, sought, quantity);
  const [ours, theirs] = [of('rate') ?? of('median'), of('peerRate') ?? of('peerMedian')];
  return (of('ratio') ?? (ours && theirs ? ours / theirs : undefined))?.toFixed(2) ?? '';
}

/** Ours, and a peer's with ours ÷ it, on one thread and on two. */
function besideTable(cpu: Measured, part: string, name: string, pairs: readonly (readonly [dtype: string, peer: string])[]): string {
  const rows = pairs.map(([dtype, peer], i) => {
    const isFirst = pairs[i - 1]?.[0] !== dtype;
    const of = (threads: number): Figure => ({ part, name, dtype, threads, peer, processor: HERE });
    const theirs = (threads: number): string => `${digits(numberOf(cpu, of(threads), 'peerRate'))} (${ratioOf(cpu, of(threads))})`;
    const ours = [1, 2].map((threads) => (isFirst ? digits(numberOf(cpu, of(threads), 'rate')) : ''));
    return [isFirst ? dtype : '', ...ours, peer, theirs(1), theirs(2)];
  });
  return tableOf(['weights', 'ours, 1 thread', 'ours, 2 threads', 'beside', '1 thread', '2 threads'], rows, 0);
}

const DENSE = [
  ['decoding, Mamba in the sizes of mamba-130m, int8', 'decode DenseMamba-130M', 'int8', 'Mamba-130M'],
  ['decoding, DenseRetNet-350M, int8', 'decode DenseRetNet', 'int8', 'DenseRetNet, m = 0'],
  ['forward and backward, Mamba, 4 layers of 128, 12 × 64 tokens', 'train DenseMamba, 4 × 128, 12 × 64', 'f32', 'Mamba'],
  ['the same, 8 layers of 512, 4 × 512 tokens', 'train DenseMamba, 8 × 512, 4 × 512', 'f32', 'Mamba'],
  [
    'forward and backward, DenseRetNet, 4 layers of 128, 12 × 64 tokens',
    'train DenseRetNet, 4 × 128, 12 × 64',
    'f32',
    'DenseRetNet, m = 0',
  ],
  ['the same, 8 layers of 512, 4 × 512 tokens', 'train DenseRetNet, 8 × 512, 4 × 512', 'f32', 'DenseRetNet, m = 0'],
] as const;

function denseTable(cpu: Measured): string {
  const rows = DENSE.map(([shown, name, dtype, peer]) => {
    const sought = { part: 'dense', name, dtype, threads: 2, peer, processor: HERE };
    return [shown, digits(numberOf(cpu, sought, 'rate')), digits(numberOf(cpu, sought, 'peerRate')), ratioOf(cpu, sought)];
  });
  return tableOf(['tokens/s', 'dense', 'plain', 'ratio'], rows);
}

function positionsTable(cpu: Measured): string {
  const rows = cpu.figures
    .filter(({ part, name, peer, processor }) => part === 'positions' && processor === HERE && name.includes(', tokens ') && peer)
    .map(({ name, rate, peer = '', peerRate }) => {
      const withCommas = (words: string): string => words.replaceAll(/\d{4,}/g, (number) => Number(number).toLocaleString('en-US'));
      return [withCommas(name), digits(rate as number), withCommas(peer), digits(peerRate as number)];
    });
  return tableOf(['int8, two threads', 'tokens/s', 'beside', 'tokens/s'], rows);
}

export const STEPS = [
  ['4 layers of 128, 12 × 64 tokens', '4 × 128, 12 × 64'],
  ['8 layers of 512, 4 × 512 tokens', '8 × 512, 4 × 512'],
] as const;

function trainingTable(cpu: Measured): string {
  const rows = STEPS.map(([shown, name]) => {
    const of = (threads: number, peer: string): Figure => ({ part: 'training', name, dtype: 'f32', threads, peer, processor: HERE });
    const ours = [1, 2].map((threads) => numberOf(cpu, of(threads, 'references'), 'rate'));
    const [one, two] = ours;
    const beside = (peer: string): string => `${digits(numberOf(cpu, of(2, peer), 'peerRate'))} (${ratioOf(cpu, of(2, peer))})`;
    return [
      shown,
      ...ours.map(digits),
      one && two ? (two / one).toFixed(2) : '',
      beside('references'),
      beside('references but our product'),
    ];
  });
  return tableOf(['tokens/s', '1 thread', '2 threads', '2 ÷ 1', 'references', 'with our product, 2 threads'], rows);
}

function trainerTable(cpu: Measured, torch: Measured): string {
  const rows = [...cpu.figures, ...torch.figures]
    .filter(({ part }) => part === 'trainer')
    .map(({ name, median, threads, processor, batch, length }) => [
      ...[name.startsWith('PyTorch') ? name : `ours, ${name}`, digits(median as number)],
      `${batch} × ${length} tokens, ${threads} threads, ${processor}`,
    ]);
  return tableOf(['a whole step, 4 layers of 128', 'tokens/s, median', 'of'], rows);
}

function memoryTable(cpu: Measured): string {
  const rows = ['f32', 'bf16', 'int8', 'int4'].map((dtype) => [
    dtype,
    ...['Mamba-130M', 'DenseRetNet'].flatMap((name) => {
      const sought = { part: 'memory', name, dtype, threads: 2, peer: 'packed weights', processor: HERE };
      const [held, packed] = [numberOf(cpu, sought, 'rate'), numberOf(cpu, sought, 'peerRate')];
      return held && packed ? [Math.round(held).toLocaleString('en-US'), (held - packed).toFixed(0)] : ['', ''];
    }),
  ]);
  return tableOf(['MiB', 'Mamba in the sizes of mamba-130m', 'beyond its weights', 'DenseRetNet-350M', 'beyond'], rows);
}

const FORMS = ['A·B', 'A·Bᵀ', 'Aᵀ·B'] as const;

function productsTable(cpu: Measured): string {
  const rows = FORMS.map((form) => {
    const of = (threads: number, quantity: string, peer?: string): string =>
      digits(numberOf(cpu, { part: 'products', name: `${form}, 1024`, dtype: 'f32', threads, peer, processor: HERE }, quantity));
    return [form, of(1, 'rate', 'TensorFlow.js'), of(2, 'rate'), of(1, 'peerRate', 'TensorFlow.js')];
  });
  return tableOf(['1024 × 1024, GFLOP/s', 'ours, 1 thread', '2 threads', 'TensorFlow.js, which has one thread in Node'], rows);
}

/** What each kernel takes of a step, down to a hundredth of it. */
function sharesTable(cpu: Measured): string {
  const rows = cpu.figures
    .filter(({ part, processor }) => part === 'shares' && processor === HERE)
    .flatMap(({ ms, kernels, times }) =>
      (kernels as readonly string[]).map((kernel, i): [string, number, number] => [
        kernel.replace(/^Ssm/, ''),
        (times as number[])[i] as number,
        ms as number,
      ]),
    )
    .filter(([, time, whole]) => time >= whole / 100)
    .map(([kernel, time, whole]) => [kernel, digits(time), `${((100 * time) / whole).toFixed(0)} %`]);
  return tableOf(['kernel', 'ms', 'share of the step'], rows);
}

function browserTable(browser: Measured): string {
  const byThreads = browser.figures
    .filter((one) => one.processor === HERE)
    .toSorted((one, other) => (one.threads ?? Infinity) - (other.threads ?? Infinity));
  const rows = byThreads.map(({ name, threads, decoding, prompt, training }) => [
    threads === undefined ? name : `${name}, ${threads} ${threads === 1 ? 'thread' : 'threads'}`,
    ...[decoding, prompt, training].map((rate) => digits(rate as number)),
  ]);
  return tableOf(['tokens/s', 'decoding', 'a prompt of 512 tokens', 'a training step'], rows);
}

export function cpuTables(): Readonly<Record<string, string>> {
  const [cpu, torch, browser] = [measured('cpu.json'), measured('torch-cpu.json'), measured('browser.json')];
  return {
    decoding: besideTable(cpu, 'decode', 'Mamba-130M', DECODED),
    prefill: besideTable(cpu, 'prefill', PROMPT, PREFILL),
    dense: denseTable(cpu),
    positions: positionsTable(cpu),
    training: trainingTable(cpu),
    trainer: trainerTable(cpu, torch),
    shares: sharesTable(cpu),
    products: productsTable(cpu),
    browser: browserTable(browser),
    memory: memoryTable(cpu),
    runs: runTable(cpu, torch, browser),
  };
}

/** Of a whole step of the trainer, and of PyTorch's on the same processor. */
export const stepHere = ({ figures }: Measured, name: string): number | undefined =>
  figures.find((one) => one.part === 'trainer' && one.name === name && one.processor === HERE)?.median as number | undefined;

/** Of tokens late in a text, and early in it. */
export const lateHere = ({ figures }: Measured) =>
  figures.find(({ part, peer, processor }) => part === 'positions' && peer === 'tokens 1000 to 2000' && processor === HERE);

/** Of figures that other pages quote. */
export const speedHere = (cpu: Measured, part: 'decode' | 'prefill', dtype: string, quantity = 'rate'): number | undefined => {
  const peer = (part === 'decode' ? DECODED : PREFILL).find(([type, name]) => type === dtype && name.startsWith('llama.cpp'))?.[1];
  return numberOf(cpu, { part, name: part === 'decode' ? 'Mamba-130M' : PROMPT, dtype, threads: 2, peer, processor: HERE }, quantity);
};

export const trainingHere = (cpu: Measured, name: string): number | undefined =>
  numberOf(cpu, { part: 'training', name, dtype: 'f32', threads: 2, peer: 'references', processor: HERE }, 'rate');
