import { evaluateSample, type KernelCheck, kernelCheck, type Sample } from '@densessm/kernels/checks';
import type { Kernel, KernelOutput } from '@densessm/ssm-core';
import { engine, setBackend } from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { expectClose } from './expect-close';

/** A busy machine takes longer than vitest's five seconds for the plain loops of a large sample. */
const TIMEOUT_MS = 120_000;

export interface ParityOptions {
  /** Backends to run on; each must be registered. */
  backends?: readonly string[];
  /** For gradients, where they need more room than outputs. */
  gradientTolerance?: number;
}

/**
 * The suite that every version of every kernel passes: the outputs and the gradient of every float input agree with the
 * reference and its automatic differentiation on tfjs's cpu backend, which computes in float64, and outputs with the equation as plain loops.
 */
export function describeKernelChecks(
  checks: readonly KernelCheck[],
  { backends = ['cpu', 'wasm'] }: Pick<ParityOptions, 'backends'> = {},
): void {
  for (const check of checks) {
    describe.each(backends)(`${check.name} on %s`, { timeout: TIMEOUT_MS }, (backend) => {
      it.each(Object.entries(check.samples))('agrees with its reference: %s', async (_, sample) => {
        await expectParity(check, sample, backend);
      });
    });
  }
}

/** {@link describeKernelChecks} for a kernel that no list of checks has. */
export function describeKernelParity<I extends object, O extends KernelOutput, A extends object>(
  kernel: Kernel<I, O, A>,
  samples: Record<string, Sample<A>>,
  tolerance: number,
  { gradientTolerance, ...options }: ParityOptions = {},
): void {
  describeKernelChecks([kernelCheck(kernel, samples, tolerance, { gradientTolerance })], options);
}

async function expectParity(check: KernelCheck, sample: Sample, backend: string): Promise<void> {
  const { run, reference, naive, hasGradient, tolerance, gradientTolerance } = check;
  await setBackend('cpu');
  const want = await evaluateSample(reference, sample, hasGradient);
  await setBackend(backend);
  const before = engine().memory().numTensors;
  const got = await evaluateSample(run, sample, hasGradient);
  expect(engine().memory().numTensors, 'tensors left behind').toBe(before);
  for (const [i, output] of want.outputs.entries()) await expectClose(`output ${i}`, output, got.outputs[i] ?? [], tolerance);
  for (const [i, { values }] of (naive?.(sample) ?? []).entries())
    await expectClose(`output ${i} beside the plain loop`, values, got.outputs[i] ?? [], tolerance);
  for (const [input, gradient] of want.gradients)
    await expectClose(`gradient of ${input}`, gradient, got.gradients.get(input) ?? [], gradientTolerance, 1e-3);
}
