import type { Command } from 'commander';
import type { Io } from '../../io';
import type { OpenModelOptions } from '../../model/open-model';
import { whole } from '../../settings/kinds';
import { addModelOptions, MODEL_ARGUMENT, reading } from '../shared';
import type { TaskFiles } from './tasks';

export interface EvalOptions extends TaskFiles, OpenModelOptions {
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
    .action(async (source: string, options: EvalOptions) => (await import('./run')).evaluate(io, source, options));
}
