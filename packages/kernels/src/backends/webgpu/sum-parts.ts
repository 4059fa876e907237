import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { Gpu, TensorRange } from './gpu';
import { elementwise, type Program, variants } from './program';
import { groupsOf, sizeOf } from './specialize';

const program = variants(
  ({ name }: { name: string }): Program =>
    elementwise({
      name,
      inputs: { x: 'f32' },
      outputs: { y: 'f32' },
      params: { parts: 'u32', first: 'u32' },
      main: `
  var sum = 0.0;
  for (var part = 0u; part < p.parts; part++) { sum += x[p.first + part * p.count + i]; }
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
