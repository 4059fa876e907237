/** Tables of other pages that quote what the pages of measurements show: one file says a figure, wherever it stands. */
import type { Measured } from '../../bench/lib/measured';
import { lateHere, STEPS, speedHere, stepHere, trainingHere } from './cpu-tables';
import { lossesOf, mean } from './learning-tables';
import { digits, measured, numberOf, tableOf } from './measured';
import type { PublishedModel } from './published-models';
import { changeOf, perplexityOf } from './quantized-tables';

const TYPES = [
  ['f32', '32'],
  ['bf16', '16'],
  ['int8', '8.5'],
  ['int4', '4.5'],
] as const;

const SPEED = '[speed](./speed.md)';
const SPEED_GPU = '[on a GPU](./speed-gpu.md)';

function rowsOfGpu(): string[][] {
  const [gpu, torch] = [measured('gpu.json'), measured('torch.json')];
  const of = (all: Measured, sought: Parameters<typeof numberOf>[1], quantity = 'rate'): string => digits(numberOf(all, sought, quantity));
  const decoded = (name: string, dtype = 'bf16') => ({ part: 'decode', name, dtype, batch: 1 });
  const trained = (dtype: string) => ({ part: 'train', name: 'DenseRetNet-350M', dtype, batch: 2, length: 2048 });
  return [
    [
      ...['Mamba in the sizes of mamba-130m, bf16, on an H200 through WebGPU', `${of(gpu, decoded('Mamba-130M'), 'generated')} tokens/s`],
      ...[`PyTorch ${of(torch, decoded('Mamba-130M'))}, without its CUDA extension`, SPEED_GPU],
    ],
    [
      ...['DenseRetNet-350M in bf16 there', `${of(gpu, decoded('DenseRetNet-350M'), 'generated')} tokens/s`],
      ...[`the authors’ model in PyTorch, f16, ${of(torch, decoded('DenseRetNet-350M', 'f16'))}`, SPEED_GPU],
    ],
    [
      ...['training it, f16 products', `${of(gpu, trained('f16'))} tokens/s`],
      ...[`the authors’ model in PyTorch, bf16, ${of(torch, trained('bf16'))}`, SPEED_GPU],
    ],
  ];
}

/** Of docs/index.md. */
export function landingTable(): string {
  const [cpu, torch, quantized] = [measured('cpu.json'), measured('torch-cpu.json'), measured('quantized.json')];
  const decoding = (dtype: 'int8' | 'int4'): string[] => [
    `${digits(speedHere(cpu, 'decode', dtype))} tokens/s`,
    `llama.cpp ${digits(speedHere(cpu, 'decode', dtype, 'peerRate'))}`,
  ];
  const step = (all: Measured, name: string): string => digits(stepHere(all, name));
  const late = lateHere(cpu);
  const perplexity = (dtype: string): string => perplexityOf(quantized, 'file', 'Mamba', dtype)?.toFixed(4) ?? '';
  const loss = (family: string): string => mean(lossesOf('tinyshakespeare', family).losses).toFixed(3);
  return tableOf(
    ['what', 'here', 'beside it', 'more'],
    [
      ['Mamba in the sizes of mamba-130m, int8, two cores', ...decoding('int8'), SPEED],
      ['the same in int4', ...decoding('int4'), SPEED],
      [
        ...['a step of the trainer, 4 layers of 128', `${step(cpu, 'Mamba')} tokens/s`],
        ...[`PyTorch ${step(torch, 'PyTorch, Mamba of transformers')}`, SPEED],
      ],
      [
        ...['tokens 9,000 to 10,000 of a text, 350 M parameters, int8', `${digits(late?.rate as number)} tokens/s`],
        ...[`${digits(late?.peerRate as number)} at tokens 1,000 to 2,000`, SPEED],
      ],
      ...rowsOfGpu(),
      [
        ...['int8 weights, perplexity of a small Mamba', perplexity('int8'), `${perplexity('f32')} in float32`],
        '[rounding](./quantized.md)',
      ],
      [...['dense beside plain Mamba, held-out loss on Shakespeare', loss('dense-mamba-m1'), loss('mamba')], '[learning](./learning.md)'],
    ],
  );
}

/** Of docs/guides/quantize.md. */
export function weightsTable(published: readonly PublishedModel[]): string {
  const [cpu, quantized] = [measured('cpu.json'), measured('quantized.json')];
  const smallest = published.find(({ id }) => id === 'state-spaces/mamba-130m');
  const rows = TYPES.map(([dtype, bits]) => [
    ...[`\`${dtype}\``, bits, `${((smallest?.weights[dtype] ?? Number.NaN) / 1e6).toFixed(0)} MB`],
    ...[digits(speedHere(cpu, 'decode', dtype)), changeOf(quantized, 'file', 'Mamba', dtype)],
  ]);
  return tableOf(['`weights`', 'bits a weight', 'mamba-130m in memory', 'tokens/s, two threads', 'change of perplexity'], rows);
}

/** Of docs/guides/published-models.md. */
export function publishedSpeedTable(): string {
  const cpu = measured('cpu.json');
  const rows = TYPES.map(([dtype]) => [
    `\`${dtype}\``,
    ...(['decode', 'prefill'] as const).map((part) => digits(speedHere(cpu, part, dtype))),
  ]);
  return tableOf(['weights', 'tokens/s', 'a prompt of 512 tokens'], rows);
}

/** Of docs/guides/sweeps.md. */
export function durationTable(): string {
  const rows = STEPS.map(([shown, name]) => {
    const rate = trainingHere(measured('cpu.json'), name) ?? Number.NaN;
    const minutes = 1e7 / rate / 60;
    return [shown, digits(rate), minutes < 90 ? `${minutes.toFixed(0)} minutes` : `${(minutes / 60).toFixed(1)} hours`];
  });
  return tableOf(['model', 'tokens/s', '10 million tokens'], rows);
}
