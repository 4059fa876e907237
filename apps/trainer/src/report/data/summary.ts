import type { EvaluationRecord, TrainingRecord } from '@densessm/train';
import type { ReportRun } from './run';
import { smooth, smoothingRadius } from './smooth';

/** The figures that a run comes down to; undefined where nothing was measured. */
export interface Summary {
  readonly name: string;
  readonly model: string | undefined;
  readonly parameters: number | undefined;
  /** Steps done, skipped ones included. */
  readonly steps: number;
  readonly plannedSteps: number | undefined;
  readonly tokens: number;
  /** Time in steps alone. */
  readonly seconds: number;
  readonly tokensPerSecond: number | undefined;
  readonly skipped: number;
  /** Training loss at the end, smoothed, in nats per token. */
  readonly trainLoss: number | undefined;
  readonly best: EvaluationRecord | undefined;
  readonly last: EvaluationRecord | undefined;
}

export function summarize(run: ReportRun): Summary {
  const { steps, evaluations, info } = run;
  const tokens = total(steps, 'tokens');
  const seconds = total(steps, 'seconds');
  return {
    name: run.name,
    model: modelName(info?.config.model_type),
    parameters: info?.parameters,
    steps: (steps.at(-1)?.step ?? -1) + 1,
    plannedSteps: info?.settings.maxSteps,
    tokens,
    seconds,
    tokensPerSecond: seconds > 0 ? tokens / seconds : undefined,
    skipped: steps.filter(({ skipped }) => skipped).length,
    trainLoss: lossAtEnd(steps),
    best: evaluations.filter(({ loss }) => Number.isFinite(loss)).reduce<EvaluationRecord | undefined>(lower, undefined),
    last: evaluations.at(-1),
  };
}

function lossAtEnd(steps: readonly TrainingRecord[]): number | undefined {
  const losses = steps.map(({ loss }) => loss).filter(Number.isFinite);
  return losses.length > 0 ? smooth(losses, smoothingRadius(losses.length), [losses.length - 1])[0] : undefined;
}

const total = (steps: readonly TrainingRecord[], key: 'tokens' | 'seconds'): number => steps.reduce((sum, step) => sum + step[key], 0);

const lower = (best: EvaluationRecord | undefined, one: EvaluationRecord): EvaluationRecord =>
  best === undefined || one.loss < best.loss ? one : best;

const NAMES: Readonly<Record<string, string>> = {
  mamba: 'Mamba',
  mamba2: 'Mamba-2',
  dense_mamba: 'DenseMamba',
  dense_mamba2: 'DenseMamba-2',
  retnet: 'RetNet',
  dense_retnet: 'DenseRetNet',
  llama: 'DenseRetNet', // what the released config calls itself
};

const modelName = (type: unknown): string | undefined => (typeof type === 'string' ? (NAMES[type] ?? type) : undefined);
