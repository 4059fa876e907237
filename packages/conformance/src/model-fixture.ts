import { loadParams } from '@densessm/checkpoint';
import { type AnyModel, modelFor, SsmError } from '@densessm/ssm-core';
import { type Tensor2D, tensor2d } from '@tensorflow/tfjs-core';
import { familyOf } from './families';
import type { Family, ModelFixture, StoredModel, StoredTensor } from './types';

/** Numbers that expected.json records for one length. */
export interface LengthRecord {
  batch: number;
  loss?: number;
  max_abs_diff_parallel_vs_step: number;
  logits_positions?: number[];
}

/** A fixture's model, loaded. */
export interface Subject {
  readonly fixture: ModelFixture;
  readonly model: AnyModel;
  readonly config: object;
  readonly params: object;
  readonly family: Family;
}

export async function loadSubject(fixture: ModelFixture, from: StoredModel = fixture.model): Promise<Subject> {
  const model = modelFor(from.config);
  const config = model.parseConfig(from.config);
  const params = (await loadParams(model.spec(config), from.weights, { where: fixture.name })) as object;
  return { fixture, model, config, params, family: familyOf(model.modelType) };
}

export const lengthsOf = (fixture: ModelFixture): [length: number, record: LengthRecord][] =>
  Object.entries(fixture.expected.lengths as Record<string, LengthRecord>).map(([length, record]) => [Number(length), record]);

/** @throws SsmError FILE where the folder lacks the tensor. */
export function stored(fixture: ModelFixture, name: string): StoredTensor {
  const tensor = fixture.tensors.get(name);
  if (tensor) return tensor;
  throw new SsmError({
    code: 'FILE',
    what: `${fixture.name}: expected.safetensors lacks \`${name}\`.`,
    expected: name,
    got: `${fixture.tensors.size} other tensors`,
    fix: 'make the fixture anew',
  });
}

export function tokensOf(fixture: ModelFixture, name: string): Tensor2D {
  const { values, shape } = stored(fixture, name);
  return tensor2d(Int32Array.from(values), shape as [number, number], 'int32');
}

/**
 * Bound on logits of the parallel mode. RetNet's reference normalizes rows there but not in its step mode, which ours
 * follows: twice the reference's own difference between its modes at this length is allowed for that.
 */
export const parallelBound = ({ family }: Subject, record: LengthRecord): number =>
  family.exact ? Math.max(family.logits, 2 * record.max_abs_diff_parallel_vs_step) : family.logits;
