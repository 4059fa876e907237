import { type Command, Option } from 'commander';
import type { Io } from '../../io';
import type { OpenModelOptions } from '../../model/open-model';
import { real, whole } from '../../settings/kinds';
import { addModelOptions, MODEL_ARGUMENT, reading } from '../shared';
import { addSamplingFlags, type SamplingFlags } from './options';
import type { PromptFlags } from './prompt';

export interface GenerateFlags extends SamplingFlags, PromptFlags, OpenModelOptions {
  echo?: boolean;
  logprobs?: boolean;
  topLogprobs?: number;
  numBeams?: number;
  lengthPenalty?: number;
  earlyStopping?: string | boolean;
  restore?: string;
  snapshot?: string;
  overwrite?: boolean;
  json?: boolean;
}

const EXAMPLES = `
Examples:
  $ densessm generate out/book "Once upon a time" --temperature 0.7 --top-p 0.9 --seed 1
  $ cat question.txt | densessm generate state-spaces/mamba-130m-hf - --temperature 0 --stop '\\n'
  $ densessm generate out/book "It was" --snapshot it-was.session     and later, anywhere:
  $ densessm generate out/book --restore it-was.session

The text is written as it comes. A snapshot holds the model's state after it: a few kilobytes, however long the text.`;

/** `densessm generate`. */
export function registerGenerate(program: Command, io: Io): void {
  const command = program
    .command('generate')
    .summary('go on with a text')
    .description('Goes on with a text and writes what comes as it comes.')
    .argument('<model>', MODEL_ARGUMENT)
    .argument('[prompt]', 'the text to go on with; - reads it from stdin')
    .option('--prompt <text>', 'the same as a flag')
    .option('--prompt-file <file>', 'the same from a file')
    .option('--ids', 'prompt and result are token ids; needs no tokenizer')
    .option('--echo', 'write the prompt before the text')
    .option('--snapshot <file>', 'save the state after the text, to go on from')
    .option('--restore <file>', 'go on from a saved state; a prompt is read after it')
    .option('--overwrite', 'replace a snapshot that is there')
    .option('--json', 'text, tokens and why it ended as JSON, at the end');
  addSamplingFlags(command);
  const group = 'Beams and probabilities:';
  addModelOptions(command)
    .addOption(new Option('--num-beams <n>', 'search for the likeliest text').helpGroup(group).argParser(reading(whole(1))))
    .addOption(
      new Option('--length-penalty <x>', 'beams are compared by log-probability / length ** x')
        .helpGroup(group)
        .argParser(reading(real(-10))),
    )
    .addOption(
      new Option('--early-stopping [when]', 'end when n beams have ended, or "never"').helpGroup(group).choices(['never', 'true', 'false']),
    )
    .addOption(new Option('--logprobs', 'add the log-probability of each token (with --json)').helpGroup(group))
    .addOption(new Option('--top-logprobs <n>', 'and those of the n likeliest').helpGroup(group).argParser(reading(whole(1))))
    .addHelpText('after', EXAMPLES)
    .action(async (source: string, prompt: string | undefined, flags: GenerateFlags) =>
      (await import('./run')).runGenerate(io, source, prompt, flags),
    );
}
