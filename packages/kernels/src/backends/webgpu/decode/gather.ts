import type { WeightType } from '@densessm/ssm-core';
import type { GatherStep } from '../../../decode/recorded-steps';
import type { GpuMatrix } from '../packed/packed-matrix';
import { weightAt, weightInputs } from '../packed/weights-wgsl';
import { type Program, variants } from '../program';
import { offsetOf } from './arena';
import { type StepDispatch, stepName } from './step';

const SIZE = 64;

const gatherProgram = variants(
  ({ type }: { type: WeightType }): Program => ({
    name: stepName('Gather'),
    inputs: weightInputs(type),
    outputs: { arena: 'f32' },
    params: { count: 'u32', ids: 'u32', y: 'u32', first: 'u32', rows: 'u32', width: 'u32', blocks: 'u32', scaleWords: 'u32' },
    size: SIZE,
    declarations: weightAt(type),
    main: `
  let i = group * ${SIZE} + lane;
  if (i >= p.count) { return; }
  let id = u32(arena[p.ids + i / p.width]);
  if (id >= p.first && id < p.first + p.rows) { arena[p.y + i] = weightAt(id - p.first, i % p.width); }`,
  }),
);

/** Rows by the ids at a slot, which are floats: shaders may take the bits of small integers for zeros. */
export function gatherDispatches(matrix: GpuMatrix, batch: number, ids: number, { y }: Pick<GatherStep, 'y'>): StepDispatch[] {
  const { type, blocks, scaleWords } = matrix;
  const width = matrix.shape[1];
  const count = batch * width;
  return matrix.parts.map(({ first, rows, weights, scales }) => ({
    program: gatherProgram({ type }),
    inputs: { weights, ...(scales && { scales }) },
    params: { count, ids, y: offsetOf(y), first, rows, width, blocks, scaleWords },
    groups: Math.ceil(count / SIZE),
  }));
}
