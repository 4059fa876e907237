/** Small trainers for tests. */
import type { AnyModel } from '@densessm/ssm-core';
import { randomBlocks } from '../data/samplers';
import { tokenSource } from '../data/source';
import { adamW } from '../optimizers/adamw';
import { cosineSchedule } from '../schedules/schedules';
import type { Trainer } from '../trainer/trainer';
import type { TrainerOptions, TrainingState } from '../trainer/types';

export const VOCABULARY = 11;
export const mambaJson = { model_type: 'mamba', vocab_size: VOCABULARY, hidden_size: 8, num_hidden_layers: 2, state_size: 4 };
export const retnetJson = {
  model_type: 'retnet',
  vocab_size: VOCABULARY,
  decoder_embed_dim: 8,
  decoder_layers: 2,
  decoder_retention_heads: 2,
  decoder_value_embed_dim: 16,
  decoder_ffn_embed_dim: 12,
};

/** Each token follows from its place, save for some: there is something to learn. */
export const text = Int32Array.from({ length: 900 }, (_, i) => (i * i + (i % 7 === 0 ? 3 : 0)) % VOCABULARY);
export const source = tokenSource(text);

export type Options = Partial<TrainerOptions<unknown, object, unknown>>;
export type AnyTrainer = Trainer<unknown, object, unknown>;

export function optionsOf(model: AnyModel, json: object, more: Options = {}) {
  const config = model.parseConfig(json);
  const schedule = cosineSchedule({ learningRate: 0.01, warmupSteps: 2, maxSteps: 8 });
  const sampler = randomBlocks(source, { batchSize: 3, blockSize: 9, seed: 5 });
  return { model, config, params: model.init(config, 1), optimizer: adamW(), schedule, sampler, gradClip: 1, ...more };
}

export async function lossesOf(trainer: AnyTrainer, steps: number): Promise<number[]> {
  const losses: number[] = [];
  for (let i = 0; i < steps; i++) losses.push((await trainer.step()).loss);
  return losses;
}

/** A state in a form that can be compared value by value. */
export const plain = ({ params, tensors, counters }: TrainingState) => ({
  params: entriesOf(params),
  tensors: entriesOf(tensors),
  counters,
});

const entriesOf = (tensors: TrainingState['params']) =>
  Object.fromEntries([...tensors].map(([name, { shape, values }]) => [name, { shape, values: [...values] }]));
