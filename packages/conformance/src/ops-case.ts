import { type ConfigJson, valueAndGrads } from '@densessm/ssm-core';
import { add, dispose, mul, type Scalar, sum, type Tensor, tensor, tidy } from '@tensorflow/tfjs-core';
import { compare } from './compare';
import type { CheckResult, OpsFixture, StoredTensor } from './types';

/** One case of an operator folder: `c<i>.in.*` inputs, `c<i>.out.*` outputs, `c<i>.gout.*` their gradients, `c<i>.grad.*` the inputs'. */
export interface OpsCase {
  /** As in "c3 fla.simple_gla"; every result's name starts with it. */
  readonly name: string;
  /** What expected.json says of the case. */
  readonly about: ConfigJson;
  readonly inputs: ReadonlyMap<string, StoredTensor>;
  readonly outputs: ReadonlyMap<string, StoredTensor>;
  readonly outputGradients: ReadonlyMap<string, StoredTensor>;
  readonly inputGradients: ReadonlyMap<string, StoredTensor>;
}

export type NamedTensors = Record<string, Tensor>;

/** The reference's operator built of ours: its inputs to its outputs, under its names and in its layout. */
export type Operator = (inputs: NamedTensors) => NamedTensors;

/** Every case of a folder. */
export function casesOf({ expected, tensors }: OpsFixture): OpsCase[] {
  return (expected.cases as ConfigJson[]).map((about, i) => {
    const group = (kind: string): Map<string, StoredTensor> => {
      const prefix = `c${i}.${kind}.`;
      const found = [...tensors].filter(([name]) => name.startsWith(prefix));
      return new Map(found.map(([name, stored]) => [name.slice(prefix.length), stored]));
    };
    return {
      name: [`c${i}`, about.op ?? []].flat().join(' '),
      about,
      inputs: group('in'),
      outputs: group('out'),
      outputGradients: group('gout'),
      inputGradients: group('grad'),
    };
  });
}

/** Compares every stored output of a case, and every stored gradient of Σ ⟨output, its gradient⟩, as shares of each tensor's RMS. */
export async function* checkOperator(one: OpsCase, operator: Operator, bound: number): AsyncGenerator<CheckResult> {
  const { name, inputs, outputs, outputGradients, inputGradients } = one;
  const given = tensorsOf(inputs);
  const computed = tidy(() => operator(given));
  for (const [output, stored] of outputs) {
    const actual = computed[output];
    if (actual) yield await compare(`${name}: ${output}`, stored, actual, bound, 'relative');
    else yield { name: `${name}: ${output} is not computed`, error: Infinity, bound };
  }
  dispose(Object.entries(computed).flatMap(([output, tensor]) => (outputs.has(output) ? [] : [tensor])));
  if (inputGradients.size > 0) {
    const weights = tensorsOf(outputGradients);
    const loss = (params: NamedTensors) => {
      const results = operator(params);
      const terms = Object.entries(weights).map(([output, weight]) => sum(mul(results[output] as Tensor, weight)));
      return terms.reduce((total, term) => add(total, term)) as Scalar;
    };
    const { value, grads } = valueAndGrads(loss, given);
    for (const [input, stored] of inputGradients) {
      const gradient = (grads as Record<string, Tensor | null>)[input];
      if (gradient) yield await compare(`${name}: gradient of ${input}`, stored, gradient, bound, 'relative');
      else yield { name: `${name}: no gradient reaches ${input}`, error: Infinity, bound };
    }
    dispose([value, ...Object.values(weights), ...(Object.values(grads).filter((gradient) => gradient) as Tensor[])]);
  }
  dispose(Object.values(given));
}

const tensorsOf = (stored: ReadonlyMap<string, StoredTensor>): NamedTensors =>
  Object.fromEntries([...stored].map(([name, { values, shape }]) => [name, tensor(Float32Array.from(values), shape)]));
