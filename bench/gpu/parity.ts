import { checkKernel, kernelChecks } from '@densessm/kernels/checks';
import type { Figure } from '../lib/measured';

/**
 * Every kernel on every sample beside its reference on the CPU; a line per kernel, and how many quantities are off. A figure: how many `quantities` of how many
 * `kernels` were compared, how many are `off`, and the `worst` as a part of its bound.
 */
export async function runParity(say: (line: string) => void, keep: (figure: Figure) => void, only: RegExp): Promise<number> {
  let [off, kernels, quantities, worstOfAll] = [0, 0, 0, 0];
  for (const check of kernelChecks) {
    if (!only.test(check.name)) continue;
    const start = performance.now();
    let [count, worst] = [0, 0];
    for await (const { sample, quantity, error, bound, cause } of checkKernel(check, 'webgpu')) {
      count++;
      if (bound > 0) worst = Math.max(worst, error / bound);
      if (error <= bound) continue;
      off++;
      say(
        `  OFF ${check.name}, ${sample}: ${quantity} by ${error.toExponential(2)}, bound ${bound.toExponential(2)}${cause ? ` ${String(cause)}` : ''}`,
      );
    }
    kernels++;
    quantities += count;
    worstOfAll = Math.max(worstOfAll, worst);
    const seconds = (performance.now() - start) / 1000;
    say(
      `${check.name.padEnd(28)} ${String(count).padStart(4)} quantities, the worst at ${worst.toFixed(3)} of its bound, ${seconds.toFixed(1)} s`,
    );
  }
  if (only.source === '(?:)') keep({ part: 'parity', name: 'all kernels', kernels, quantities, off, worst: worstOfAll });
  return off;
}
