import type { Kernel, KernelOutput } from '@densessm/ssm-core';
import { mulberry32 } from '@densessm/ssm-core/internal';
import { add, dispose, engine, mul, sum, type Tensor, tensor, tidy } from '@tensorflow/tfjs-core';
import { type Naive, NumberGrid } from './number-grid';

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

type Inputs = Readonly<Record<string, Tensor>>;
type Run = (inputs: Inputs, attrs: object) => Tensor[];

/** A kernel with what it is tried on: plain data and functions, for tests and for users who want to know whether their device computes rightly. */
export interface KernelCheck {
  readonly name: string;
  readonly samples: Readonly<Record<string, Sample>>;
  /** Runs whatever version the current backend has. */
  readonly run: Run;
  /** Composed of tfjs's operations. */
  readonly reference: Run;
  /** The equation as plain loops in float64: the outputs of the sample, or the first of them. */
  readonly naive?: (sample: Sample) => readonly NumberGrid[];
  readonly hasGradient: boolean;
  /** The largest error of an output, in units of the RMS of the reference. */
  readonly tolerance: number;
  /** The same for gradients. */
  readonly gradientTolerance: number;
}

const listOf = (output: KernelOutput): Tensor[] => (Array.isArray(output) ? output : [output]);

export interface KernelCheckOptions<I extends object, A extends object> {
  /** As that of outputs, unless given. */
  gradientTolerance?: number;
  naive?: Naive<I, A>;
}

/** A kernel beside its own reference. */
export function kernelCheck<I extends object, O extends KernelOutput, A extends object>(
  kernel: Kernel<I, O, A>,
  samples: Readonly<Record<string, Sample<A>>>,
  tolerance: number,
  { gradientTolerance = tolerance, naive }: KernelCheckOptions<I, A> = {},
): KernelCheck {
  const { name, reference, backward, attrs: defaults } = kernel.definition;
  return {
    name,
    samples,
    run: (inputs, attrs) => listOf(kernel(inputs as I, attrs as A)),
    reference: (inputs, attrs) => listOf(reference(inputs as I, { ...defaults, ...attrs } as A)),
    naive: naive && ((sample) => naive(gridsOf(sample) as never, { ...defaults, ...sample.attrs } as A)),
    hasGradient: backward !== undefined,
    tolerance,
    gradientTolerance,
  };
}

/** An operation of tfjs beside itself on the reference's backend: some backends get our version of it. */
export function operationCheck(
  name: string,
  operation: (x: Tensor) => KernelOutput,
  shapes: Readonly<Record<string, number[]>>,
  tolerance: number,
): KernelCheck {
  const run: Run = (inputs) => listOf(operation(inputs.x as Tensor));
  const samples = Object.fromEntries(Object.entries(shapes).map(([about, shape]) => [about, { inputs: { x: { shape } } }]));
  return { name, samples, run, reference: run, hasGradient: true, tolerance, gradientTolerance: tolerance };
}

/** The same inputs for every side of a check. */
const randomOfSample = (): (() => number) => mulberry32(20240301);

const gridsOf = ({ inputs }: Sample): Record<string, NumberGrid> => {
  const random = randomOfSample();
  return Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, new NumberGrid(input.shape, valuesOf(input, random))]));
};

/** What a kernel made of a sample. */
export interface Outcome {
  outputs: Float32Array[];
  /** By the name of the input. */
  gradients: Map<string, Float32Array>;
}

/**
 * Runs one side of a check on the current backend: the outputs, and the gradients of a random weighting of all outputs, so that the
 * gradient through every output counts. The same seed gives the same inputs on every backend. Frees what it makes.
 */
export async function evaluateSample(run: Run, sample: Sample, differentiate: boolean): Promise<Outcome> {
  const random = randomOfSample();
  const inputs = Object.fromEntries(Object.entries(sample.inputs).map(([name, input]) => [name, sampleTensor(input, random)]));
  const attrs = sample.attrs ?? {};
  const outputs = tidy(() => run(inputs, attrs));
  const weights = outputs.map((output) => sampleTensor({ shape: output.shape }, random));
  const weighted = () => {
    const terms = run(inputs, attrs).map((output, i) => sum(mul(output, weights[i] as Tensor)));
    return terms.reduce((total, term) => add(total, term));
  };
  try {
    const gradients = differentiate ? await gradientsOf(weighted, inputs) : new Map<string, Float32Array>();
    return { outputs: await Promise.all(outputs.map(async (output) => (await output.data()) as Float32Array)), gradients };
  } finally {
    dispose([...outputs, ...weights, ...Object.values(inputs)]);
  }
}

async function gradientsOf(loss: () => Tensor, inputs: Inputs): Promise<Map<string, Float32Array>> {
  const floats = Object.entries(inputs).filter(([, input]) => input.dtype === 'float32');
  const { value, grads } = engine().gradients(
    loss,
    floats.map(([, input]) => input),
    undefined,
    true,
  );
  const gradients = new Map<string, Float32Array>();
  for (const [i, [name, { size }]] of floats.entries()) {
    const gradient = grads[i];
    gradients.set(name, gradient ? ((await gradient.data()) as Float32Array) : new Float32Array(size));
    gradient?.dispose();
  }
  value.dispose();
  return gradients;
}

/** A tensor of a sample, from -1 to 1 unless the sample says otherwise. */
export const sampleTensor = (input: SampleInput, random: () => number): Tensor =>
  tensor(valuesOf(input, random), input.shape, input.dtype ?? 'float32');

function valuesOf(
  { shape, value = (_, random) => 2 * random() - 1, dtype = 'float32' }: SampleInput,
  random: () => number,
): Float32Array | Int32Array {
  const size = shape.reduce((product, length) => product * length, 1);
  const values = Array.from({ length: size }, (_, i) => value(i, random));
  return dtype === 'int32' ? Int32Array.from(values) : Float32Array.from(values);
}
