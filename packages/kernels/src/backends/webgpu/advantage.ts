import { engine, setBackend, tensor2d, tidy } from '@tensorflow/tfjs-core';
import type { KernelCheck } from '../../checks';
import { hasReference, kernelOf, switchOff } from '../../checks/switch-off';
import { matMul } from '../../operations/matmul/kernel';

/**
 * Compares each kernel on its first sample with the reference on the cpu backend. One that is wrong is switched off on this device, so that its reference
 * serves, and named; what has no reference, an operation of tfjs that we replace, is an answer of its own.
 */
export async function selfTest(checks?: readonly KernelCheck[], backend = 'webgpu'): Promise<{ switchedOff: string[]; wrong?: string }> {
  const { checkKernel, kernelChecks } = await import('../../checks');
  const switchedOff = new Set<string>();
  for (const check of checks ?? kernelChecks) {
    const [first] = Object.entries(check.samples);
    if (first === undefined) continue;
    const samples = Object.fromEntries([first]);
    for await (const { quantity, error, bound } of checkKernel({ ...check, samples }, backend)) {
      if (error <= bound) continue;
      const name = kernelOf(check);
      if (!hasReference(name))
        return { switchedOff: [...switchedOff], wrong: `${name} is wrong on this device: ${quantity} by ${error.toExponential(1)}` };
      switchOff(name, backend);
      switchedOff.add(name);
    }
  }
  return { switchedOff: [...switchedOff] };
}

/** Of a small layer, [in, out], as one token passes through them. */
const LAYER = [
  [768, 3072],
  [1536, 80],
  [1536, 768],
] as const;
const LAYERS = 8;
const ROUNDS = 5;

/** Times what a token of a small model costs here and on another backend, products of one row with the result read back. Ends on webgpu. */
export async function compareWith(rival: string): Promise<{ isFaster: boolean; figures: string }> {
  const theirs = await timeOn(rival);
  const ours = await timeOn('webgpu');
  return { isFaster: ours < theirs, figures: `a small step of decoding ${ours.toFixed(2)} ms, on ${rival} ${theirs.toFixed(2)} ms` };
}

/** The fastest of a few rounds, in ms. */
async function timeOn(backend: string): Promise<number> {
  await setBackend(backend);
  const scope = engine();
  scope.startScope();
  try {
    return await timeOfSteps();
  } finally {
    scope.endScope();
  }
}

async function timeOfSteps(): Promise<number> {
  const weights = LAYER.map(([inner, outer]) => tensor2d(new Float32Array(inner * outer).fill(1e-3), [outer, inner]));
  const rows = LAYER.map(([inner]) => tensor2d(new Float32Array(inner).fill(1), [1, inner]));
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now();
    for (let layer = 0; layer < LAYERS; layer++) {
      const last = tidy(() => rows.map((a, i) => matMul({ a, b: weights[i] as never }, { transposeB: true }))).at(-1);
      if (layer === LAYERS - 1) await last?.data();
    }
    times.push(performance.now() - start);
  }
  return Math.min(...times);
}
