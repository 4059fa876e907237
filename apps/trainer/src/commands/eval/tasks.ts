import { basename } from 'node:path';
import { lambada, type ModelBundle, multipleChoice, perplexity, type RollingOptions } from '@densessm/generate';
import { isObject } from '@densessm/ssm-core/plain';
import type { Io } from '../../io';
import { type Documents, type ReadingFlags, readObjects, readTexts } from './documents';
import { bootstrapPerplexityError } from './statistics';

/** One measure of a task, with its standard error where there is one. */
export interface Metric {
  readonly name: string;
  readonly value: number;
  readonly stderr?: number;
  readonly isHigherBetter: boolean;
}

export interface TaskResult {
  readonly metrics: readonly Metric[];
  /** What each document contributed. */
  readonly samples: readonly object[];
  /** Documents of which a token spans context and continuation, by their numbers. */
  readonly encodedAlone: readonly number[];
}

/** Something to measure on a file. */
export interface Task {
  /** In results; unique among the tasks of a command. */
  readonly name: string;
  /** lm-evaluation-harness's word for what is asked of the model. */
  readonly outputType: 'loglikelihood_rolling' | 'loglikelihood' | 'multiple_choice';
  readonly path: string;
  read(io: Io): Promise<Documents>;
  /** What of a document is read, to know how much there is to do. */
  textsOf(document: unknown): string[];
  run(bundle: ModelBundle, documents: readonly unknown[], options: RollingOptions): Promise<TaskResult>;
}

/** Draws of the bootstrap, see {@link bootstrapPerplexityError}. */
export const BOOTSTRAP_ITERATIONS = 1000;

export interface TaskFiles extends ReadingFlags {
  readonly perplexity?: readonly string[];
  readonly lambada?: string;
  readonly multipleChoice?: readonly string[];
}

/** The tasks that the flags name, each under the name of its file; of two equal names the later gets a number. */
export function tasksOf(flags: TaskFiles): Task[] {
  const { perplexity: texts = [], lambada: file, multipleChoice: questions = [] } = flags;
  const names = new Set<string>();
  const unique = (name: string): string => {
    let free = name;
    for (let n = 2; names.has(free); n++) free = `${name}_${n}`;
    names.add(free);
    return free;
  };
  return [
    ...texts.map((path) => perplexityTask(unique(taskName(path)), path, flags)),
    ...(file === undefined ? [] : [lambadaTask(unique('lambada_openai'), file, flags)]),
    ...questions.map((path) => multipleChoiceTask(unique(taskName(path)), path, flags)),
  ];
}

/** Texts of a file of records: plain text has one document a line or one in all, which nobody knows. */
async function readObjectsWithText(io: Io, path: string, flags: ReadingFlags): Promise<Documents> {
  const found = await readTexts(io, path, flags, 'records');
  return { ...found, used: found.used.map((text) => ({ text })) };
}

/** wiki.test.txt.gz → wiki.test */
const taskName = (path: string): string =>
  path === '-'
    ? 'stdin'
    : basename(path)
        .replace(/\.gz$/, '')
        .replace(/\.[^.]+$/, '') || basename(path);

const perplexityTask = (name: string, path: string, flags: ReadingFlags): Task => ({
  name,
  path,
  outputType: 'loglikelihood_rolling',
  read: (io) => readTexts(io, path, flags),
  textsOf: (document) => [String(document)],
  run: async (bundle, documents, options) => {
    const result = await perplexity(bundle, documents as string[], options);
    const names = ['word_perplexity', 'byte_perplexity', 'bits_per_byte', 'token_perplexity'] as const;
    return {
      metrics: names.map((one) => ({ name: one, value: result[one], isHigherBetter: false })),
      samples: result.samples,
      encodedAlone: [],
    };
  },
});

const lambadaTask = (name: string, path: string, flags: ReadingFlags): Task => ({
  name,
  path,
  outputType: 'loglikelihood',
  read: (io) => readObjectsWithText(io, path, flags),
  textsOf: (document) => stringsIn(document, 'text'),
  run: async (bundle, documents, options) => {
    const result = await lambada(bundle, documents as { text: string }[], plain(options));
    const logprobs = result.samples.map(({ logprob }) => logprob);
    const spread = bootstrapPerplexityError(logprobs, BOOTSTRAP_ITERATIONS);
    return {
      metrics: [
        { name: 'perplexity', value: result.perplexity, stderr: spread, isHigherBetter: false },
        { name: 'acc', value: result.acc, stderr: result.acc_stderr, isHigherBetter: true },
      ],
      samples: result.samples,
      encodedAlone: positions(result.samples),
    };
  },
});

const multipleChoiceTask = (name: string, path: string, flags: ReadingFlags): Task => ({
  name,
  path,
  outputType: 'multiple_choice',
  read: (io) => readObjects(io, path, ['query', 'choices', 'gold'], flags),
  textsOf: (document) => stringsIn(document, 'query', 'choices'),
  run: async (bundle, documents, options) => {
    const result = await multipleChoice(bundle, documents, plain(options));
    return {
      metrics: [
        { name: 'acc', value: result.acc, stderr: result.acc_stderr, isHigherBetter: true },
        { name: 'acc_norm', value: result.acc_norm, stderr: result.acc_norm_stderr, isHigherBetter: true },
      ],
      samples: result.samples,
      encodedAlone: positions(result.samples),
    };
  },
});

const positions = (samples: readonly { readonly encodedAlone: boolean }[]): number[] =>
  samples.flatMap(({ encodedAlone }, i) => (encodedAlone ? [i] : []));

/** The strings under some keys, and in lists under them; what a document lacks is told when it is scored. */
const stringsIn = (document: unknown, ...keys: readonly string[]): string[] =>
  keys.flatMap((key) => (isObject(document) ? [document[key]].flat() : [])).filter((one) => typeof one === 'string');

/** Without what is for rolling windows. */
const plain = ({ windowLength: _, contextLength: __, ...options }: RollingOptions): RollingOptions => options;
