import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { Gpu, TensorRange } from './gpu';
import { elementwise, type Program, variants } from './program';
import { groupsOf, sizeOf } from './specialize';

/** Parts that are read before the first of them is added: few outputs would wait for the memory part by part. */
const AT_A_TIME = 8;

const each = (line: (j: number) => string): string => Array.from({ length: AT_A_TIME }, (_, j) => line(j)).join(' ');

const program = variants(
  ({ name }: { name: string }): Program =>
    elementwise({
      name,
      inputs: { x: 'f32' },
      outputs: { y: 'f32' },
      params: { parts: 'u32', first: 'u32' },
      main: `
  var sum = 0.0;
  var at = p.first + i;
  var left = p.parts;
  for (; left >= ${AT_A_TIME}; left -= ${AT_A_TIME}) {
    ${each((j) => `let x${j} = x[at + ${j} * p.count];`)}
    ${each((j) => `sum += x${j};`)}
    at += ${AT_A_TIME} * p.count;
  }
  for (; left > 0; left--) { sum += x[at]; at += p.count; }
  y[i] = sum;`,
    }),
);

/** Where parts lie in a larger tensor, one after another. */
export interface Parts {
  readonly first: number;
  readonly count: number;
}

/** Σ over the first axis of [parts, ...shape], in the order of the parts: the same bits every time. Frees x, unless it holds more than these parts. */
export function sumParts(gpu: Gpu, name: string, x: TensorInfo, shape: number[], within?: Parts): TensorInfo {
  const y = gpu.tensor(shape);
  const count = sizeOf(y);
  const parts = within?.count ?? sizeOf(x) / count;
  gpu.run(program({ name }), {
    inputs: { x },
    outputs: { y },
    params: { count, parts, first: within?.first ?? 0 },
    groups: groupsOf(count),
  });
  if (!within) gpu.free(x);
  return y;
}

/** The same of all parts into a place that exists. Frees x. */
export function sumPartsInto(gpu: Gpu, name: string, x: TensorInfo, y: TensorInfo | TensorRange, count: number): void {
  gpu.run(program({ name }), {
    inputs: { x },
    outputs: { y },
    params: { count, parts: sizeOf(x) / count, first: 0 },
    groups: groupsOf(count),
  });
  gpu.free(x);
}
