import { dispose, tensor } from '@tensorflow/tfjs-core';
import { type AdamWState, adamW } from '../adamw';
import { compareValues } from './compare';
import type { CheckResult, Fixture, StoredTensor } from './types';

interface AdamWRun {
  lr: number;
  betas: [number, number];
  eps: number;
  weight_decay: number;
  clip_grad_norm: number | null;
  steps: number;
  total_norm_before_clip: number[];
  prefix: string;
}

/** The stored runs of torch.optim.AdamW: every parameter after every step. */
export async function* checkOptimiser({ expected, tensors }: Fixture): AsyncGenerator<CheckResult> {
  for (const run of expected.adamw as AdamWRun[]) {
    const load = (name: string) => {
      const { values, shape } = tensors.get(`${run.prefix}.${name}`) as StoredTensor;
      return tensor(Float32Array.from(values), shape);
    };
    const names = [...tensors.keys()].flatMap((name) =>
      name.startsWith(`${run.prefix}.`) && name.endsWith('.init') ? [name.split('.')[1] as string] : [],
    );
    const state: AdamWState = new Map();
    let params = Object.fromEntries(names.map((name) => [name, load(`${name}.init`)]));
    for (let step = 0; step < run.steps; step++) {
      const grads = Object.fromEntries(names.map((name) => [name, load(`${name}.grad${step}`)]));
      const next = await adamW(params, grads, state, {
        learningRate: run.lr,
        beta1: run.betas[0],
        beta2: run.betas[1],
        eps: run.eps,
        weightDecay: run.weight_decay,
        clipNorm: run.clip_grad_norm ?? undefined,
      });
      dispose([params, grads] as never);
      params = next.params;
      const norm = run.total_norm_before_clip[step];
      if (norm !== undefined) yield compareValues(`${run.prefix} step ${step}: gradient norm`, [norm], [next.norm], 1e-5, 'relative');
      for (const name of names) {
        const after = tensors.get(`${run.prefix}.${name}.after${step}`) as StoredTensor;
        yield compareValues(
          `${run.prefix} step ${step}: ${name}`,
          after.values,
          await (params[name] as ReturnType<typeof load>).data(),
          1e-6,
          'relative',
        );
      }
    }
    dispose(params as never);
  }
}
