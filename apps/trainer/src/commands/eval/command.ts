import type { ModelBundle } from '@densessm/generate';
import type { AnyModel } from '@densessm/ssm-core';
import type { Tensor } from '@tensorflow/tfjs-core';
import type { Command } from 'commander';
import { usageError } from '../../errors';
import { Interrupted, type Io } from '../../io';
import { type OpenModel, type OpenModelOptions, openModel, requireTokenizer } from '../../model/open-model';
import { formatNumber } from '../../output/numbers';
import { openProgress } from '../../output/progress';
import { alignTable } from '../../output/table';
import { pathFrom, refuseOverwrite, writeFileWhole } from '../../output/write-file';
import { whole } from '../../settings/kinds';
import { addModelOptions, MODEL_ARGUMENT, reading, remark, writeJson, writeLines } from '../shared';
import type { Documents } from './documents';
import { prefixOf } from './prefix';
import { type Circumstances, type Measured, resultsJson, sampleLines } from './results';
import { type Task, type TaskFiles, tasksOf } from './tasks';

interface EvalOptions extends TaskFiles, OpenModelOptions {
  window?: number;
  context?: number;
  prefixToken?: number;
  batchSize: number;
  promptChunk: number;
  output?: string;
  logSamples?: string;
  overwrite?: boolean;
  json?: boolean;
}

const EXAMPLES = `
Examples:
  $ densessm eval out/book --perplexity book.test.txt
  $ densessm eval state-spaces/mamba-130m-hf --lambada lambada_test.jsonl --limit 500 --output results.json

Files are read as densessm train reads them: a .jsonl is one document a line, a .parquet one a row, a .txt one unless <|endoftext|> parts it.
A document of --lambada is {"text": "…"}; one of --multiple-choice {"query": "…", "choices": ["…", …], "gold": 0}.
Results are laid out as lm-evaluation-harness does.`;

/** `densessm eval`. */
export function registerEval(program: Command, io: Io): void {
  const command = program
    .command('eval')
    .summary('measure a model: perplexity, LAMBADA, multiple choice')
    .description('Measures a model on texts and questions, with the metrics of lm-evaluation-harness under their names.')
    .argument('<model>', MODEL_ARGUMENT)
    .option('--perplexity <file...>', 'perplexity per word, byte and token of texts: files, folders, - for stdin, URLs or Hub datasets')
    .option('--lambada <file>', 'LAMBADA: guess the last word of each text')
    .option('--multiple-choice <file...>', 'questions with choices: accuracy, plain and by length')
    .option('--field <name>', 'the field of .jsonl and .parquet that holds the text (default: text)')
    .option('--skip-bad-lines', 'leave out and count lines that cannot be read')
    .option('--limit <n>', 'use the first n documents of each file', reading(whole(1)))
    .option('--window <n>', 'start anew after n tokens (default: never, a state has no limit)', reading(whole(1)))
    .option('--context <n>', 'tokens of each later window that are read again', reading(whole(1)))
    .option('--prefix-token <id>', 'read before each text (default: the bos token, else eos)', reading(whole(0)))
    .option('--batch-size <n>', 'documents that are read together', reading(whole(1)), 16)
    .option('--prompt-chunk <n>', 'tokens per call of the model: memory for speed', reading(whole(1)), 512)
    .option('--output <file>', 'write the results as JSON')
    .option('--log-samples <file>', 'write what each document contributed, as JSON lines')
    .option('--overwrite', 'replace files that are there')
    .option('--json', 'results as JSON on stdout');
  addModelOptions(command)
    .addHelpText('after', EXAMPLES)
    .action((source: string, options: EvalOptions) => evaluate(io, source, options));
}

async function evaluate(io: Io, source: string, options: EvalOptions): Promise<void> {
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
  else writeLines(io, describe(model, measured));
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

function describe(model: OpenModel, measured: readonly Measured[]): string[] {
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
  return [`${model.name}  (${model.model.modelType}, ${model.backend.backend})`, '', ...alignTable([head, ...rows], { right: [1, 4] })];
}
