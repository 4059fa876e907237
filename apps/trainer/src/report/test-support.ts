import type { RunRecord, TrainingRecord } from '@densessm/train';
import type { RunInfo } from '../run-folder/run-info';

/** Steps of a run that learns. */
export const steps = (count: number): TrainingRecord[] =>
  Array.from({ length: count }, (_, step) => {
    const loss = 1 + 3 / (step + 1);
    return {
      type: 'step',
      step,
      loss,
      learningRate: 1e-3,
      gradNorm: 0.5,
      tokens: 100,
      skipped: false,
      seconds: 0.5,
      wallTime: 1.7e9 + step,
    };
  });

/** One of them, changed. */
export const step = (n: number, changes: Partial<TrainingRecord> = {}): TrainingRecord => ({
  ...(steps(n + 1)[n] as TrainingRecord),
  ...changes,
});

export const evaluation = (n: number, loss: number): RunRecord => ({ type: 'evaluation', step: n, loss, tokens: 50, wallTime: 1.7e9 + n });

export const sample = (n: number, prompt: string, text: string): RunRecord => ({ type: 'sample', step: n, prompt, text, wallTime: 1.7e9 });

const histogram = { min: -1, max: 2, counts: [1, 0, 5] };
export const gates = (n: number, ...layers: number[]): RunRecord => ({
  ...{ type: 'gates', step: n, wallTime: 1.7e9 },
  gates: layers.map((layer) => ({ layer, name: 'state', mean: 0.1 * layer, std: 0.2, absMax: 2, nearZero: 0.25, histogram })),
});

/** What run.json says, as far as a report reads it. */
export const info = (changes: object = {}): RunInfo =>
  ({
    ...{ format: 'densessm-run-1', name: 'a run', state: 'finished', created: '2026-01-02T03:04:05Z', updated: '2026-01-02T03:05:06Z' },
    ...{ command: ['train', '--data', "it's here.txt"], process: { host: 'elsewhere', pid: 1 }, versions: { node: 'v20' } },
    ...{ backend: 'wasm', parameters: 1234567, step: 40, settings: { maxSteps: 40, learningRate: 0.001, data: ['a.txt', 'b.txt'] } },
    ...{ config: { model_type: 'dense_mamba', ssm: { state: 16 } }, data: { tokenizer: 'char' } },
    ...changes,
  }) as unknown as RunInfo;
