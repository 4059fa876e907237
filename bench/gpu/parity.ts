import { checkKernel, type KernelCheck, kernelChecks } from '@densessm/kernels/checks';
import { gpuChoices } from '@densessm/kernels/internal';
import type { Figure } from '../lib/measured';

/** Ways that small sizes do not take by themselves, and the kernels that go them. */
const ways: readonly [name: string, kernels: RegExp, choices: Partial<typeof gpuChoices>][] = [
  ['as usual', /./, {}],
  ...[8, 100].map((tiledScanChunk): (typeof ways)[number] => [
    `in chunks of ${tiledScanChunk}`,
    /^SsmDecayScan/,
    { tiledScanFrom: 0, tiledScanChunk },
  ]),
  ['in the largest tiles', /^SsmMatMul$/, { tilesAtATime: 1 }],
  ['rounded before', /^SsmMatMulF16/, { narrowFrom: 0 }],
  ['rounded on the way', /^SsmMatMulF16/, { narrowFrom: Number.POSITIVE_INFINITY }],
];

/**
 * Every kernel on every sample beside its reference on the CPU, in each way it can go; a line per kernel and way, and how many quantities are off. A figure: how many
 * `quantities` of how many `kernels` were compared, how many are `off`, and the `worst` as a part of its bound.
 */
export async function runParity(say: (line: string) => void, keep: (figure: Figure) => void, only: RegExp): Promise<number> {
  const all = { kernels: new Set<string>(), quantities: 0, off: 0, worst: 0 };
  const usual = { ...gpuChoices };
  for (const [way, kernels, choices] of ways) {
    Object.assign(gpuChoices, usual, choices);
    for (const check of kernelChecks.filter(({ name }) => kernels.test(name) && only.test(`${name} ${way}`))) {
      const { quantities, off, worst } = await offOf(check, way, say);
      all.kernels.add(check.name);
      all.quantities += quantities;
      all.off += off;
      all.worst = Math.max(all.worst, worst);
    }
  }
  Object.assign(gpuChoices, usual);
  if (only.source === '(?:)') keep({ part: 'parity', name: 'all kernels', ...all, kernels: all.kernels.size });
  return all.off;
}

async function offOf(
  check: KernelCheck,
  way: string,
  say: (line: string) => void,
): Promise<Record<'quantities' | 'off' | 'worst', number>> {
  const start = performance.now();
  let [off, quantities, worst] = [0, 0, 0];
  for await (const { sample, quantity, error, bound, cause } of checkKernel(check, 'webgpu')) {
    quantities++;
    if (bound > 0) worst = Math.max(worst, error / bound);
    if (error <= bound) continue;
    off++;
    const why = cause ? ` ${String(cause)}` : '';
    say(`  OFF ${check.name}, ${way}, ${sample}: ${quantity} by ${error.toExponential(2)}, bound ${bound.toExponential(2)}${why}`);
  }
  const seconds = (performance.now() - start) / 1000;
  const name = `${check.name}, ${way}`.padEnd(40);
  say(`${name} ${String(quantities).padStart(4)} quantities, the worst at ${worst.toFixed(3)} of its bound, ${seconds.toFixed(1)} s`);
  return { quantities, off, worst };
}
