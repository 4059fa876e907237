/** The tables of docs/speed-gpu.md, from docs/measured/gpu.json (bench/gpu) and torch.json (bench/peers/torch_gpu.py). */
import { type Figure, findFigure, type Measured } from '../../bench/lib/measured';
import { digits, measured, numberOf, ratio, runTable, tableOf as table } from './measured';

type Sought = Pick<Figure, 'part' | 'name' | 'dtype' | 'batch' | 'length'>;

const square = (n: number): string => `${n} × ${n} × ${n}`;

function productTable(gpu: Measured, torch: Measured): string {
  const rows: [sizes: string, name: string, peer?: string][] = [
    ...[1024, 2048, 4096, 8192].map((n): [string, string, string] => [square(n), `A B ${square(n)}`, `A B ${square(n)}`]),
    ['4096, B transposed', `A Bᵀ ${square(4096)}`],
    ['4096, A transposed', `Aᵀ B ${square(4096)}`],
    ['4096 × 768 × 3072, B transposed (a projection)', 'A Bᵀ 4096 × 768 × 3072'],
    ['3072 × 4096 × 768, A transposed (its gradient)', 'Aᵀ B 3072 × 4096 × 768'],
    ['4096 × 768 × 50280, B transposed (a head)', 'A Bᵀ 4096 × 768 × 50280'],
  ];
  const ours = (name: string): string => digits(numberOf(gpu, { part: 'kernel', name }, 'rate'));
  return table(
    ['TFLOP/s', 'f32', 'f16 in, f32 sums', 'TensorFlow.js, f32', 'PyTorch, f32', 'PyTorch, TF32', 'PyTorch, f16'],
    rows.map(([sizes, name, peer]) => [
      ...[sizes, ours(`matMul ${name}`), ours(`f16 matMul ${name}`), ours(`tfjs matMul ${name}`)],
      ...['f32', 'tf32', 'f16'].map((dtype) =>
        peer ? digits(numberOf(torch, { part: 'kernel', name: `matMul ${peer}`, dtype }, 'rate')) : '',
      ),
    ]),
  );
}

const SCANS = [
  ['selective scan', '2 × 512 tokens, 1,536 channels, 16 states', 'selectiveScan', '2 × 512 × 1536 × 16'],
  ['', '2 × 2,048 tokens', 'selectiveScan', '2 × 2048 × 1536 × 16'],
  ['', '1 × 16,384 tokens', 'selectiveScan', '1 × 16384 × 1536 × 16'],
  ['decay scan', '2 × 2,048 tokens, 12 heads of 64 × 128', 'decayScan', '2 × 2048 × 12 × 64 × 128'],
] as const;

const TRAFFIC = [
  ['AdamW step, one parameter of 6.3 M', 'adamwStep'],
  ['sum of squares', 'squareSum'],
  ['SiLU gate', 'siluGate'],
  ['RMS norm', 'rmsNorm'],
  ['convolution and SiLU', 'causalConv1d'],
  ['cross entropy of 2,048 × 50,280', 'crossEntropy 2048 × 50280'],
  ['gradient of an embedding of 50,280 × 768', 'embedding, forward and backward'],
] as const;

function kernelTable(gpu: Measured): string {
  const cell = (name: string): string => {
    const sought = { part: 'kernel', name };
    const [ms, rate] = [numberOf(gpu, sought, 'ms'), numberOf(gpu, sought, 'rate')];
    return ms === undefined ? '' : `${digits(ms)} ms, ${digits(rate)}`;
  };
  return table(
    ['kernel', 'sizes', 'forward, millions of tokens/s', 'forward and backward'],
    SCANS.map(([kernel, sizes, name, shape]) => [kernel, sizes, cell(`${name} ${shape}`), cell(`${name}, forward and backward ${shape}`)]),
    2,
  );
}

const trafficTable = (gpu: Measured): string =>
  table(
    ['kernel', 'GB/s of what it has to read and write'],
    TRAFFIC.map(([kernel, name]) => [kernel, digits(numberOf(gpu, { part: 'kernel', name }, 'rate'))]),
  );

const TRAINED = [
  ['Mamba in the sizes of mamba-130m', 'Mamba-130M', 2, 512],
  ['', 'Mamba-130M', 8, 512],
  ['', 'Mamba-130M', 2, 2048],
  ['', 'Mamba-130M', 1, 16384],
  ['', 'Mamba-130M, recomputed', 8, 2048],
  ['', 'Mamba-130M, recomputed', 1, 16384],
  ['its dense form, m = 1', 'DenseMamba-130M', 2, 2048],
  ['DenseRetNet-350M', 'DenseRetNet-350M', 2, 2048],
  ['the same without dense connections (m = 0)', 'DenseRetNet-350M, m = 0', 2, 2048],
] as const;

function trainingTable(gpu: Measured, torch: Measured): string {
  const rows = TRAINED.map(([shown, name, batch, length]) => {
    const of = (measured: Measured, dtype: string, quantity: string): number | undefined =>
      numberOf(measured, { part: 'train', name, dtype, batch, length }, quantity);
    const gigabytes = of(gpu, 'f32', 'gigabytes');
    return [
      ...[shown, `${batch} × ${length.toLocaleString('en-US')}${name.endsWith('recomputed') ? ', recomputed' : ''}`],
      ...[digits(of(gpu, 'f32', 'rate')), digits(of(gpu, 'f16', 'rate')), gigabytes === undefined ? '' : `${gigabytes.toFixed(1)} GB`],
      ...[digits(of(torch, 'f32', 'rate')), digits(of(torch, 'bf16', 'rate'))],
    ];
  });
  return table(['tokens/s', 'batch', 'f32', 'f16 products', 'memory, f32', 'PyTorch, f32', 'PyTorch, bf16'], rows, 2);
}

/** What each program takes of a step on the device. */
function profileTable(gpu: Measured): string {
  const found = gpu.figures.filter(({ part }) => part === 'profile');
  const rows = found.map(({ name, dtype, batch, length, dispatches, ms, programs, times }) => {
    const longest = (programs as readonly string[]).slice(0, 5).map((program, i) => `${program} ${digits((times as number[])[i])}`);
    return [`${name}, ${dtype}`, `${batch} × ${length}`, String(dispatches), digits(ms as number), longest.join(', ')];
  });
  return table(['a step', 'batch', 'dispatches', 'ms on the device', 'of which the longest'], rows);
}

function prefillTable(gpu: Measured, torch: Measured): string {
  const rows = ['Mamba-130M', 'DenseMamba-130M', 'DenseRetNet-350M'].map((name) => {
    const of = (measured: Measured, dtype: string, way = ''): string =>
      digits(numberOf(measured, { part: 'prefill', name: `${name}${way}`, dtype, length: 2048 }, 'rate'));
    const both = (way: string): string[] => [of(gpu, 'f32', way), of(gpu, 'f16', way)];
    return [name, ...both(''), ...both(', in four'), ...both(', not replayed'), of(torch, 'f32'), of(torch, 'bf16')];
  });
  const ours = ['', ', in chunks of 512', ', not replayed'].flatMap((way) => [`f32${way}`, `f16 products${way}`]);
  return table(['tokens/s', ...ours, 'PyTorch, f32', 'PyTorch, bf16'], rows);
}

const WEIGHTS = ['f32', 'bf16', 'int8', 'int4'] as const;

function decodingTable(gpu: Measured, torch: Measured): string {
  const rows = ['Mamba-130M', 'DenseMamba-130M', 'DenseRetNet-350M', 'DenseRetNet-350M, m = 0'].flatMap((name) =>
    WEIGHTS.map((dtype, i) => {
      const of = (measured: Measured, batch: number, quantity: string, as: string = dtype): string =>
        digits(numberOf(measured, { part: 'decode', name, dtype: as, batch }, quantity));
      const peer = (batch: number): string => of(torch, batch, 'rate') || (dtype === 'bf16' ? of(torch, batch, 'rate', 'f16') : '');
      const cells = [
        of(gpu, 1, 'rate'),
        of(gpu, 1, 'unwaited'),
        of(gpu, 1, 'generated'),
        of(gpu, 6, 'rate'),
        of(gpu, 6, 'generated'),
        peer(1),
        peer(6),
      ];
      return [i === 0 ? name : '', dtype, ...cells];
    }),
  );
  return table(
    ['tokens/s of a text', 'weights', 'one text', 'unwaited', 'generated', 'six texts, each', 'generated', 'PyTorch, one text', 'six'],
    rows,
    2,
  );
}

/** Dense beside plain, m = 1. */
function denseTable(gpu: Measured): string {
  const pairs = [
    ['Mamba in the sizes of mamba-130m', 'DenseMamba-130M', 'Mamba-130M'],
    ['DenseRetNet-350M', 'DenseRetNet-350M', 'DenseRetNet-350M, m = 0'],
  ] as const;
  const rows = pairs.map(([shown, dense, plain]) => {
    const of = (part: string, sizes: Omit<Sought, 'part' | 'name'>, quantity: string): string => {
      const [one, other] = [dense, plain].map((name) => findFigure(gpu, { part, name, ...sizes }));
      return one && other && one.run === other.run ? ratio(one[quantity] as number, other[quantity] as number) : '';
    };
    const decode = WEIGHTS.map((dtype) => of('decode', { dtype, batch: 1 }, 'unwaited'));
    return [shown, ...decode, ...['f32', 'f16'].map((dtype) => of('train', { dtype, batch: 2, length: 2048 }, 'rate'))];
  });
  const header = ['dense ÷ plain', ...WEIGHTS.map((dtype) => `decoding, ${dtype}`), 'training, f32', 'f16 products'];
  const isShown = header.map((_, column) => rows.some((row) => row[column] !== ''));
  const shown = (cells: readonly string[]): string[] => cells.filter((_, column) => isShown[column]);
  return table(shown(header), rows.map(shown));
}

type Row = readonly [what: string, found: string];

const quantityOf = (figure: Figure, quantity: string): number => figure[quantity] as number;
const percent = (figure: Figure, quantity: string): string => `${(100 * Math.abs(quantityOf(figure, quantity))).toFixed(2)} %`;
const mib = (figure: Figure, quantity: string): string => `${(quantityOf(figure, quantity) / 2 ** 20).toFixed(1)} MiB`;

/** By part: what of a figure is a check of a whole run, and what was found. */
const CHECKS: Readonly<Record<string, (figure: Figure) => readonly Row[]>> = {
  parity: (figure) => {
    const [kernels, quantities, off] = ['kernels', 'quantities', 'off'].map((quantity) => quantityOf(figure, quantity));
    const worst = quantityOf(figure, 'worst').toFixed(2);
    return [[`${kernels} kernels beside their references`, `${quantities} quantities, ${off} off, the worst at ${worst} of its bound`]];
  },
  decode: (figure) => {
    const shown = `${figure.name}, f32, batch ${figure.batch}`;
    const rows: Row[] = [];
    if (figure.off !== undefined)
      rows.push([
        `first logits of a decoder of ${shown}, beside \`advance\``,
        `${quantityOf(figure, 'off').toExponential(1)} of their root mean square`,
      ]);
    if (figure.late !== undefined)
      rows.push([
        `tokens 9,000 to 10,000 of a decoder of ${shown}, beside 1,000 to 2,000`,
        `${(quantityOf(figure, 'late') / quantityOf(figure, 'early')).toFixed(2)} of the speed`,
      ]);
    return rows;
  },
  losses: (figure) => {
    const { name, batch, length, steps, learningRate } = figure;
    const [first, wide, narrow] = ['first', 'meanF32', 'meanF16'].map((quantity) => quantityOf(figure, quantity).toFixed(3));
    return [
      [
        `${name}, ${steps} steps of ${batch} × ${length} from the same weights with f32 and f16 products, learning rate ${learningRate}, and a control`,
        `loss ${first} at first; over the last 20 steps ${wide} and ${narrow}, ${percent(figure, 'difference')} apart; the control: ${percent(figure, 'control')}`,
      ],
    ];
  },
  soak: (figure) =>
    figure.steps === undefined
      ? [
          [
            `a ${figure.name} of up to ${figure.longest} tokens, twice`,
            `${mib(figure, 'inUse')} in use at a time, ${mib(figure, 'most')} held at most`,
          ],
        ]
      : [
          [
            `${quantityOf(figure, 'steps').toLocaleString('en-US')} steps of a ${figure.name}`,
            `${mib(figure, 'before')} on the device after the first hundred, ${mib(figure, 'most')} at most after that`,
          ],
        ],
};

const checkTable = (gpu: Measured): string =>
  table(
    ['what', 'found'],
    gpu.figures.flatMap((figure) => CHECKS[figure.part]?.(figure) ?? []),
  );

export function gpuTables(): Readonly<Record<string, string>> {
  const [gpu, torch] = [measured('gpu.json'), measured('torch.json')];
  return {
    products: productTable(gpu, torch),
    scans: kernelTable(gpu),
    traffic: trafficTable(gpu),
    training: trainingTable(gpu, torch),
    profile: profileTable(gpu),
    prefill: prefillTable(gpu, torch),
    decoding: decodingTable(gpu, torch),
    dense: denseTable(gpu),
    checks: checkTable(gpu),
    runs: runTable(gpu, torch),
  };
}
