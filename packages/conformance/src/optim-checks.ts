import { type Gradients, namedParams, type ParamLeaf, weight } from '@densessm/ssm-core';
import { adamW, clipFactor, gradientNorm, type ScheduleName, scheduleByName } from '@densessm/train';
import { dispose, type Tensor, tensor } from '@tensorflow/tfjs-core';
import { compareValues } from './compare';
import type { CheckResult, Fixture, StoredTensor } from './types';

/** What torch.optim.AdamW was given. */
export interface AdamWSettings {
  lr: number;
  betas: [number, number];
  eps: number;
  weight_decay: number;
  clip_grad_norm: number | null;
  steps: number;
}

interface AdamWRun extends AdamWSettings {
  total_norm_before_clip: number[];
  prefix: string;
}

interface ScheduleRecord {
  name: ScheduleName;
  lr: number;
  num_warmup_steps: number;
  num_training_steps: number;
  lr_used_at_step: number[];
}

/** The optimizer of a record. torch decays every parameter that has a gradient, norms included. */
export const optimizerOf = ({ betas: [beta1, beta2], eps, weight_decay: weightDecay }: AdamWSettings) =>
  adamW({ beta1, beta2, eps, weightDecay, decays: () => true });

/** The norm of a step's gradients, and what clipping multiplies them by. */
export async function normOf(grads: object, { clip_grad_norm: largest }: AdamWSettings): Promise<{ norm: number; gradientScale: number }> {
  const total = gradientNorm(grads);
  const [norm = Number.NaN] = await total.data();
  total.dispose();
  return { norm, gradientScale: largest === null || largest === undefined ? 1 : clipFactor(norm, largest) };
}

/** The stored runs of torch.optim.AdamW, every parameter after every step, and the learning rates of transformers' schedules. */
export async function* checkOptimizer({ expected, tensors }: Fixture): AsyncGenerator<CheckResult> {
  for (const run of expected.adamw as AdamWRun[]) yield* checkRun(run, tensors);
  for (const record of (expected.schedules ?? []) as ScheduleRecord[]) yield checkSchedule(record);
}

async function* checkRun(run: AdamWRun, tensors: Fixture['tensors']): AsyncGenerator<CheckResult> {
  const load = (name: string): Tensor => {
    const { values, shape } = tensors.get(`${run.prefix}.${name}`) as StoredTensor;
    return tensor(Float32Array.from(values), shape);
  };
  const names = [...tensors.keys()].flatMap((name) =>
    name.startsWith(`${run.prefix}.`) && name.endsWith('.init') ? [name.split('.')[1] as string] : [],
  );
  const spec = Object.fromEntries(names.map((name) => [name, leafOf(name, tensors.get(`${run.prefix}.${name}.init`)?.shape ?? [])]));
  const optimizer = optimizerOf(run);
  let params = Object.fromEntries(names.map((name) => [name, load(`${name}.init`)]));
  for (let step = 0; step < run.steps; step++) {
    const grads: Gradients<typeof params> = Object.fromEntries(names.map((name) => [name, load(`${name}.grad${step}`)]));
    const { norm, gradientScale } = await normOf(grads, run);
    params = optimizer.update({ spec, params, grads, learningRate: run.lr, gradientScale });
    dispose(grads as never);
    const stored = run.total_norm_before_clip[step];
    if (stored !== undefined) yield compareValues(`${run.prefix} step ${step}: gradient norm`, [stored], [norm], 1e-5, 'relative');
    for (const [{ name }, value] of namedParams(spec, params)) {
      const after = tensors.get(`${run.prefix}.${name}.after${step}`) as StoredTensor;
      yield compareValues(`${run.prefix} step ${step}: ${name}`, after.values, await value.data(), 1e-6, 'relative');
    }
  }
  dispose(params as never);
  optimizer.dispose();
}

const leafOf = (name: string, shape: readonly number[]): ParamLeaf => ({ ...weight(name, [1, 1]), shape });

/** float64 on both sides: the same operations, though not always in the same order. */
function checkSchedule(record: ScheduleRecord): CheckResult {
  const { name, lr, num_warmup_steps: warmupSteps, num_training_steps: maxSteps, lr_used_at_step: rates } = record;
  const schedule = scheduleByName(name, { learningRate: lr, warmupSteps, maxSteps });
  return compareValues(
    `learning rates of ${name}`,
    rates,
    rates.map((_, step) => schedule(step)),
    1e-12,
    'relative',
  );
}
