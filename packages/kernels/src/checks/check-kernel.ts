import { engine, setBackend } from '@tensorflow/tfjs-core';
import { evaluateSample, type KernelCheck, type Outcome, type Sample } from './kernel-check';

/** One quantity of one sample beside its reference. */
export interface KernelDeviation {
  /** Name of the sample. */
  readonly sample: string;
  /** `output 0`, `gradient of x`, or what else went wrong. */
  readonly quantity: string;
  /** The worst absolute difference; infinite where a value is not finite, is missing, or the kernel threw. */
  readonly error: number;
  readonly bound: number;
  /** What the kernel threw. */
  readonly cause?: unknown;
}

/** Gradients that are zero in exact arithmetic have no RMS to be measured by: below this one, the bound is absolute. */
const GRADIENT_FLOOR = 1e-3;

/**
 * Compares outputs and gradients of a kernel with its reference and the reference's automatic gradients, which run on `reference`:
 * tfjs's cpu backend computes in float64. Both backends must have been started, and tfjs's gradients registered. Leaves `backend` current.
 */
export async function* checkKernel(check: KernelCheck, backend: string, reference = 'cpu'): AsyncGenerator<KernelDeviation> {
  for (const [name, sample] of Object.entries(check.samples)) {
    try {
      await setBackend(reference);
      const want = await evaluateSample(check.reference, sample, check.hasGradient);
      await setBackend(backend);
      yield* deviations(name, check, want, sample);
    } catch (cause) {
      yield { sample: name, quantity: 'the run itself', error: Infinity, bound: 0, cause };
    }
  }
  await setBackend(backend);
}

async function* deviations(name: string, check: KernelCheck, want: Outcome, sample: Sample): AsyncGenerator<KernelDeviation> {
  const before = engine().memory().numTensors;
  const got = await evaluateSample(check.run, sample, check.hasGradient);
  yield { sample: name, quantity: 'tensors left behind', error: Math.abs(engine().memory().numTensors - before), bound: 0 };
  for (const [i, values] of want.outputs.entries())
    yield { sample: name, quantity: `output ${i}`, error: worst(values, got.outputs[i]), bound: check.tolerance * rms(values) };
  for (const [input, values] of want.gradients) {
    const bound = check.gradientTolerance * Math.max(rms(values), GRADIENT_FLOOR);
    yield { sample: name, quantity: `gradient of ${input}`, error: worst(values, got.gradients.get(input)), bound };
  }
}

const rms = (values: Float32Array): number =>
  Math.sqrt(values.reduce((total, value) => total + value * value, 0) / Math.max(1, values.length));

function worst(want: Float32Array, got: Float32Array | undefined): number {
  if (want.length !== got?.length) return Infinity;
  let error = 0;
  for (let i = 0; i < want.length; i++) {
    const apart = Math.abs((want[i] as number) - (got[i] as number));
    if (!(apart <= error)) error = Number.isNaN(apart) ? Infinity : apart; // a reference that is not finite is no reference
  }
  return error;
}
