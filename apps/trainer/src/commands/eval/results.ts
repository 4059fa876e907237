import { createHash } from 'node:crypto';
import { arch, cpus, platform, totalmem } from 'node:os';
import { countParams } from '@densessm/ssm-core';
import manifest from '../../../package.json' with { type: 'json' };
import type { OpenModel } from '../../model/open-model';
import { formatBytes } from '../../output/numbers';
import { BOOTSTRAP_ITERATIONS, type Task, type TaskResult } from './tasks';

/** A task that was run. */
export interface Measured {
  readonly task: Task;
  /** Documents in the file, and how many of them were used. */
  readonly original: number;
  readonly effective: number;
  readonly result: TaskResult;
}

export interface Circumstances {
  readonly source: string;
  readonly limit: number | undefined;
  /** Documents that are read together. */
  readonly batchSize: number;
  /** Tokens per call of the model. */
  readonly promptChunk: number;
  readonly windowLength: number | undefined;
  /** Read before texts. */
  readonly prefixToken: number | undefined;
  readonly started: Date;
  readonly seconds: number;
}

const FILTER = 'none';
const VERSION = 1;

/**
 * The results file of lm-evaluation-harness 0.4 (`EvalResults` of its result_schema.py, as its EvaluationTracker saves them),
 * which its own tools read: metrics stand under `name,filter`, and what has no standard error has `"N/A"`. Keys that speak of
 * Python's libraries are left out; `densessm_version` is ours.
 */
export function resultsJson(model: OpenModel, measured: readonly Measured[], about: Circumstances): Record<string, unknown> {
  const each = <T>(make: (one: Measured) => T): Record<string, T> => Object.fromEntries(measured.map((one) => [one.task.name, make(one)]));
  return {
    results: each(metricsOf),
    group_subtasks: each(() => []),
    configs: each(configOf),
    versions: each(() => VERSION),
    'n-shot': each(() => 0),
    higher_is_better: each(({ result }) => Object.fromEntries(result.metrics.map(({ name, isHigherBetter }) => [name, isHigherBetter]))),
    'n-samples': each(({ original, effective }) => ({ original, effective })),
    config: executionOf(model, about),
    date: about.started.getTime() / 1000,
    pretty_env_info: `Node ${process.version}, ${platform()} ${arch()}, ${cpus()[0]?.model ?? 'unknown CPU'}, ${formatBytes(totalmem())} memory, ${model.backend.reason}`,
    densessm_version: manifest.version,
    ...tokenizerOf(model),
    max_length: about.windowLength ?? null,
    task_hashes: {},
    model_source: 'densessm',
    model_name: about.source,
    model_name_sanitized: about.source.replaceAll(/["<>:/|\\?*[\]]+/g, '__'),
    system_instruction: null,
    system_instruction_sha: null,
    fewshot_as_multiturn: null,
    chat_template: null,
    chat_template_sha: null,
    total_evaluation_time_seconds: String(about.seconds),
  };
}

function metricsOf({ task, effective, result }: Measured): Record<string, unknown> {
  const values = result.metrics.flatMap(({ name, value, stderr }) => [
    [`${name},${FILTER}`, value],
    [`${name}_stderr,${FILTER}`, stderr ?? 'N/A'],
  ]);
  return { name: task.name, alias: task.name, sample_len: effective, ...Object.fromEntries(values) };
}

const configOf = ({ task, result }: Measured): Record<string, unknown> => ({
  task: task.name,
  dataset_path: task.path,
  output_type: task.outputType,
  metric_list: result.metrics.map(({ name, isHigherBetter }) => ({ metric: name, higher_is_better: isHigherBetter })),
  num_fewshot: 0,
  repeats: 1,
  metadata: { version: VERSION },
});

const DTYPES: Readonly<Record<OpenModel['weights'], string>> = { f32: 'float32', bf16: 'bfloat16', int8: 'int8', int4: 'int4' };

function executionOf({ model, config, backend, weights }: OpenModel, about: Circumstances): Record<string, unknown> {
  return {
    model: model.modelType,
    model_args: { pretrained: about.source, prefix_token_id: about.prefixToken ?? null },
    model_num_parameters: countParams(model.spec(config)),
    model_dtype: DTYPES[weights],
    batch_size: about.batchSize,
    batch_sizes: [],
    prompt_chunk: about.promptChunk,
    device: backend.backend,
    use_cache: null,
    limit: about.limit ?? null,
    bootstrap_iters: BOOTSTRAP_ITERATIONS,
    gen_kwargs: null,
  };
}

function tokenizerOf({ tokenizer, eosIds }: OpenModel): Record<string, unknown> {
  if (!tokenizer) return {};
  const named = (id: number | null): [string | null, string] => [id === null ? null : tokenizer.idToToken(id), String(id ?? 'None')];
  const { pad, eos, bos } = tokenizer.specialIds;
  return {
    tokenizer_pad_token: named(pad),
    tokenizer_eos_token: named(eos),
    tokenizer_bos_token: named(bos),
    eot_token_id: eosIds[0] ?? null,
  };
}

/** A line for each document: where it stands in the file, a hash to tell it by, and what it contributed. */
export const sampleLines = ({ result }: Measured, documents: readonly unknown[]): string =>
  result.samples
    .map((sample, doc_id) => {
      const text = JSON.stringify(documents[doc_id]);
      return `${JSON.stringify({ doc_id, doc_hash: createHash('sha256').update(text).digest('hex'), ...sample })}\n`;
    })
    .join('');
