import { checkModel } from './model-checks';
import { checkOps } from './ops';
import { checkOptimizer } from './optim-checks';
import type { CheckResult, Fixture, ModelFixture } from './types';

/**
 * Every check that a folder's own files call for: a model where it has weights, operators where it lists cases, an
 * optimizer where it lists runs. Undefined where nothing in it is ours to check.
 */
export function checkFixture(fixture: Fixture | ModelFixture): AsyncIterable<CheckResult> | undefined {
  if ('model' in fixture) return checkModel(fixture);
  if (Array.isArray(fixture.expected.cases) && fixture.tensors.size > 0) return checkOps(fixture);
  if (Array.isArray(fixture.expected.adamw)) return checkOptimizer(fixture);
  return undefined;
}
