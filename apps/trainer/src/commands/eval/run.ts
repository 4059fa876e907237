import type { ModelBundle } from '@densessm/generate';
import type { AnyModel } from '@densessm/ssm-core';
import type { Tensor } from '@tensorflow/tfjs-core';
import { usageError } from '../../errors';
import { Interrupted, type Io } from '../../io';
import { type OpenModel, openModel, requireTokenizer } from '../../model/open-model';
import { formatNumber } from '../../output/numbers';
import { openProgress } from '../../output/progress';
import { alignTable } from '../../output/table';
import { terminalWidth } from '../../output/terminal';
import { pathFrom, refuseOverwrite, writeFileWhole } from '../../output/write-file';
import { remark, writeJson, writeLines } from '../shared';
import type { EvalOptions } from './command';
import type { Documents } from './documents';
import { prefixOf } from './prefix';
import { type Circumstances, type Measured, resultsJson, sampleLines } from './results';
import { type Task, tasksOf } from './tasks';

export async function evaluate(io: Io, source: string, options: EvalOptions): Promise<void> {
  const tasks = tasksOf(options);
  if (tasks.length === 0)
    throw usageError(
      'eval: there is nothing to measure.',
      '--perplexity, --lambada or --multiple-choice',
      'none',
      'name a file, as densessm eval --help shows',
    );
  const outputs = [options.output, options.logSamples].filter((path) => path !== undefined).map((path) => pathFrom(io.cwd, path));
  for (const path of outputs) await refuseOverwrite(path, options.overwrite);
  const documents: Documents[] = [];
  for (const task of tasks) documents.push(await task.read(io)); // before the model, which takes longer to load than a mistake to tell
  const model = await openModel(io, source, options);
  try {
    await measureAll(io, model, tasks, documents, options);
  } finally {
    model.dispose();
  }
}

async function measureAll(
  io: Io,
  model: OpenModel,
  tasks: readonly Task[],
  documents: readonly Documents[],
  options: EvalOptions,
): Promise<void> {
  const started = new Date();
  const prefix = prefixOf(requireTokenizer(model), options.prefixToken);
  if (prefix.remark) remark(io, prefix.remark);
  const measured: Measured[] = [];
  for (const [i, task] of tasks.entries()) measured.push(await measure(io, model, task, documents[i] as Documents, options, prefix.token));
  const about: Circumstances = {
    source: model.name,
    limit: options.limit,
    batchSize: options.batchSize,
    promptChunk: options.promptChunk,
    windowLength: options.window,
    prefixToken: prefix.token,
    started,
    seconds: (Date.now() - started.getTime()) / 1000,
  };
  const results = resultsJson(model, measured, about);
  if (options.output) await writeFileWhole(pathFrom(io.cwd, options.output), `${JSON.stringify(results, null, 2)}\n`);
  if (options.logSamples) {
    const lines = measured.map((one, i) => sampleLines(one, documents[i]?.used ?? [])).join('');
    await writeFileWhole(pathFrom(io.cwd, options.logSamples), lines);
  }
  if (options.json) writeJson(io, results);
  else writeLines(io, describe(io, model, measured));
  if (options.output) remark(io, `results written to ${options.output}`);
}

async function measure(
  io: Io,
  model: OpenModel,
  task: Task,
  { used, original, skippedLines }: Documents,
  options: EvalOptions,
  prefixToken: number,
): Promise<Measured> {
  if (skippedLines > 0) remark(io, `${task.name}: ${skippedLines} bad lines left out`);
  const { bundle, end } = watched(io, model, task, used);
  const { signal } = io;
  const { batchSize, promptChunk, window: windowLength, context: contextLength } = options;
  try {
    const result = await task.run(bundle, used, { batchSize, promptChunk, windowLength, contextLength, prefixToken, signal });
    if (result.encodedAlone.length > 0) remark(io, aboutEncodedAlone(task, result.encodedAlone));
    return { task, original, effective: used.length, result };
  } catch (error) {
    if (signal.aborted) throw new Interrupted(`${task.name} was broken off; nothing was written.`);
    throw error;
  } finally {
    end();
  }
}

function aboutEncodedAlone({ name }: Task, found: readonly number[]): string {
  const few = `${found.slice(0, 8).join(', ')}${found.length > 8 ? `, … (${found.length} in all)` : ''}`;
  return `${name}: document ${few}: a token spans context and continuation, so the continuation was encoded alone`;
}

/** A bar in tokens, since there may be a single long text, and documents are read in batches. */
function watched(io: Io, model: OpenModel, task: Task, used: readonly unknown[]): { bundle: ModelBundle; end: () => void } {
  const progress = openProgress(io, { label: task.name, unit: 'tokens' });
  const tokenizer = requireTokenizer(model);
  const lengthOf = (text: string): number => tokenizer.encode(text, { addSpecialTokens: false }).length;
  const total = used.reduce((sum: number, document) => sum + task.textsOf(document).reduce((all, text) => all + lengthOf(text), 0), 0);
  let done = 0;
  const advance: AnyModel['advance'] = (params, config, tokens, ...rest) => {
    done += Array.isArray(tokens) ? tokens.reduce((sum: number, row: readonly number[]) => sum + row.length, 0) : (tokens as Tensor).size;
    progress.update(Math.min(done, total), total); // rows are padded, so there may be more
    return model.model.advance(params, config, tokens, ...rest);
  };
  return { bundle: { ...model, model: { ...model.model, advance } }, end: progress.end };
}

function describe(io: Io, model: OpenModel, measured: readonly Measured[]): string[] {
  const rows = measured.flatMap(({ task, effective, original, result }) =>
    result.metrics.map(({ name, value, stderr, isHigherBetter }, i) => [
      i === 0 ? task.name : '',
      i === 0 ? (effective === original ? `${effective}` : `${effective} of ${original}`) : '',
      name,
      isHigherBetter ? '↑' : '↓',
      formatNumber(value),
      stderr === undefined ? '' : `± ${formatNumber(stderr)}`,
    ]),
  );
  const head = ['task', 'documents', 'metric', '', 'value', 'stderr'];
  return [
    `${model.name}  (${model.model.modelType}, ${model.backend.backend})`,
    '',
    ...alignTable([head, ...rows], { right: [1, 4], width: terminalWidth(io) }),
  ];
}
