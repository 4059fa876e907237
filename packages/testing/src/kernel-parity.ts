import { type Kernel, type KernelInputs, type KernelOutput, mulberry32 } from '@densessm/ssm-core';
import { add, engine, mul, setBackend, sum, type Tensor, tensor, tidy } from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { expectClose } from './expect-close';

/** One input of a sample: its shape, and its values where random numbers from -1 to 1 will not do. */
export interface SampleInput {
  shape: number[];
  /** From the index and a random number in [0, 1). */
  value?: (index: number, random: () => number) => number;
  dtype?: 'float32' | 'int32';
}
export interface Sample<A extends object = object> {
  inputs: Record<string, SampleInput>;
  attrs?: Partial<A>;
}

export interface ParityOptions {
  /** Backends to run on; each must be registered. */
  backends?: readonly string[];
  /** For gradients, where they need more room than outputs. */
  gradientTolerance?: number;
}

interface Outcome {
  outputs: Float32Array[];
  gradients: Map<string, Float32Array>;
}

/**
 * The suite that every version of every kernel passes: the outputs and the gradient of every float input agree with the
 * reference and its automatic differentiation on tfjs's cpu backend, which computes in float64.
 */
export function describeKernelParity<I extends object, O extends KernelOutput, A extends object>(
  kernel: Kernel<I, O, A>,
  samples: Record<string, Sample<A>>,
  tolerance: number,
  { backends = ['cpu', 'wasm'], gradientTolerance = tolerance }: ParityOptions = {},
): void {
  const { name, reference, backward } = kernel.definition;
  describe.each(backends)(`${name} on %s`, (backend) => {
    it.each(Object.entries(samples))('agrees with its reference: %s', async (_, sample) => {
      const attrs = { ...kernel.definition.attrs, ...sample.attrs } as A;
      await setBackend('cpu');
      const want = await evaluate((inputs) => reference(inputs as I, attrs), sample, backward !== undefined);
      await setBackend(backend);
      const before = engine().memory().numTensors;
      const got = await evaluate((inputs) => kernel(inputs as I, attrs), sample, backward !== undefined);
      expect(engine().memory().numTensors, 'tensors left behind').toBe(before);
      for (const [i, output] of want.outputs.entries()) await expectClose(`output ${i}`, output, got.outputs[i] ?? [], tolerance);
      for (const [input, gradient] of want.gradients) {
        await expectClose(`gradient of ${input}`, gradient, got.gradients.get(input) ?? [], gradientTolerance, 1e-3);
      }
    });
  });
}

/** Outputs, and the gradients of a random weighting of all outputs, so that the gradient through every output counts. */
async function evaluate(run: (inputs: KernelInputs) => KernelOutput, sample: Sample, differentiate: boolean): Promise<Outcome> {
  const random = mulberry32(20240301);
  const inputs = Object.fromEntries(Object.entries(sample.inputs).map(([name, input]) => [name, sampleTensor(input, random)]));
  const outputs = listOf(tidy(() => run(inputs)));
  const weights = outputs.map((output) => sampleTensor({ shape: output.shape }, random));
  const floats = Object.entries(inputs).filter(([, input]) => input.dtype === 'float32');
  const gradients = new Map<string, Float32Array>();
  if (differentiate) {
    const weighted = () => {
      const terms = listOf(run(inputs)).map((output, i) => sum(mul(output, weights[i] as Tensor)));
      return terms.reduce((total, term) => add(total, term));
    };
    const { value, grads } = engine().gradients(
      weighted,
      floats.map(([, input]) => input),
      undefined,
      true,
    );
    for (const [i, [name]] of floats.entries()) {
      const gradient = grads[i];
      gradients.set(name, gradient ? ((await gradient.data()) as Float32Array) : new Float32Array(inputs[name]?.size ?? 0));
      gradient?.dispose();
    }
    value.dispose();
  }
  const values = await Promise.all(outputs.map(async (output) => (await output.data()) as Float32Array));
  for (const used of [...outputs, ...weights, ...Object.values(inputs)]) used.dispose();
  return { outputs: values, gradients };
}

const listOf = (output: KernelOutput): Tensor[] => (Array.isArray(output) ? output : [output]);

/** A tensor of a sample, from -1 to 1 unless the sample says otherwise. */
export function sampleTensor(
  { shape, value = (_, random) => 2 * random() - 1, dtype = 'float32' }: SampleInput,
  random: () => number,
): Tensor {
  const size = shape.reduce((product, length) => product * length, 1);
  const values = Array.from({ length: size }, (_, i) => value(i, random));
  return tensor(dtype === 'int32' ? Int32Array.from(values) : Float32Array.from(values), shape, dtype);
}
