import { readFile } from 'node:fs/promises';
import { type FinishReason, type Generated, type GenerateOptions, generate, Session } from '@densessm/generate';
import { SsmError } from '@densessm/ssm-core';
import { type Command, Option } from 'commander';
import { usageError } from '../../errors';
import { Interrupted, type Io } from '../../io';
import { type OpenModel, type OpenModelOptions, openModel } from '../../model/open-model';
import { pathFrom, refuseOverwrite, writeFileWhole } from '../../output/write-file';
import { real, whole } from '../../settings/kinds';
import { addModelOptions, MODEL_ARGUMENT, reading, writeJson } from '../shared';
import { addSamplingFlags, type SamplingFlags, samplingOptions } from './options';
import { type PromptFlags, promptText, promptTokens } from './prompt';

interface GenerateFlags extends SamplingFlags, PromptFlags, OpenModelOptions {
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
    .action((source: string, prompt: string | undefined, flags: GenerateFlags) => runGenerate(io, source, prompt, flags));
}

async function runGenerate(io: Io, source: string, argument: string | undefined, flags: GenerateFlags): Promise<void> {
  checkTogether(flags);
  const snapshotPath = flags.snapshot === undefined ? undefined : pathFrom(io.cwd, flags.snapshot);
  if (snapshotPath !== undefined) await refuseOverwrite(snapshotPath, flags.overwrite);
  const text = await promptText(io, argument, flags);
  const snapshot = flags.restore === undefined ? undefined : await readSnapshot(io, flags.restore);
  const model = await openModel(io, source, flags);
  try {
    const prompt = snapshot !== undefined && text === undefined ? [] : promptTokens(model, text, flags);
    const options = optionsOf(model, flags, io.unread ? AbortSignal.any([io.signal, io.unread]) : io.signal);
    if (flags.echo && !flags.json && text !== undefined) io.stdout.write(flags.ids ? `${prompt.join(' ')} ` : text);
    const result =
      options.numBeams === undefined
        ? await inSession(io, model, { prompt, snapshot, snapshotPath, flags, options })
        : await withBeams(io, model, prompt, options, flags);
    if (flags.json) writeJson(io, { model: model.name, prompt: text ?? null, ...result });
    else io.stdout.write('\n');
    if (result.finishReason === 'aborted' && io.signal.aborted) throw new Interrupted('stopped.');
  } finally {
    model.dispose();
  }
}

function checkTogether({ numBeams, snapshot, restore, logprobs, topLogprobs, json, lengthPenalty, earlyStopping }: GenerateFlags): void {
  if ((numBeams ?? 1) > 1 && (snapshot !== undefined || restore !== undefined))
    throw usageError('beams have no snapshot.', '--num-beams or --snapshot and --restore', 'both', 'leave one of them out');
  if ((numBeams ?? 1) === 1 && (lengthPenalty !== undefined || earlyStopping !== undefined))
    throw usageError('these are options of beams.', '--num-beams of 2 or more', String(numBeams ?? 'none'), 'add --num-beams');
  if ((logprobs || topLogprobs !== undefined) && !json)
    throw usageError('log-probabilities are shown with --json.', '--json beside them', 'none', 'add --json');
}

function optionsOf(model: OpenModel, flags: GenerateFlags, signal: AbortSignal): GenerateOptions {
  const { numBeams, lengthPenalty, earlyStopping, logprobs, topLogprobs } = flags;
  const withBeams = numBeams !== undefined && numBeams > 1;
  return {
    ...samplingOptions(flags, model.eosIds, !withBeams),
    signal,
    ...(withBeams ? { numBeams } : {}),
    ...(lengthPenalty === undefined ? {} : { lengthPenalty }),
    ...(earlyStopping === undefined ? {} : { earlyStopping: earlyStopping === 'never' ? ('never' as const) : earlyStopping !== 'false' }),
    ...(logprobs ? { logprobs } : {}),
    ...(topLogprobs === undefined ? {} : { topLogprobs }),
  };
}

interface SessionRun {
  readonly prompt: readonly number[];
  readonly snapshot: Uint8Array | undefined;
  readonly snapshotPath: string | undefined;
  readonly flags: GenerateFlags;
  readonly options: GenerateOptions;
}

type Result = Pick<Generated, 'tokens' | 'text' | 'finishReason' | 'promptTokens' | 'seed' | 'logprobs' | 'topLogprobs' | 'score'>;

/** Reads the prompt, streams what follows and, where asked, saves the state after it. */
async function inSession(io: Io, model: OpenModel, { prompt, snapshot, snapshotPath, flags, options }: SessionRun): Promise<Result> {
  const session = snapshot === undefined ? new Session(model) : await Session.restore(model, snapshot);
  try {
    if (prompt.length > 0) await session.append(prompt, { signal: io.signal });
    const promptTokens = session.tokenCount;
    const parts: { token: number; text: string; logprob?: number; topLogprobs?: unknown }[] = [];
    const rest: { text: string; finishReason: FinishReason } = { text: '', finishReason: 'aborted' };
    for await (const part of session.stream(options)) {
      if (part.token === undefined) rest.text = part.text;
      else parts.push({ ...part, token: part.token });
      if (part.finishReason) rest.finishReason = part.finishReason;
      if (!flags.json) io.stdout.write(flags.ids ? (part.token === undefined ? '' : `${part.token} `) : part.text);
    }
    if (snapshotPath !== undefined) await writeFileWhole(snapshotPath, await session.snapshot());
    return {
      tokens: parts.map(({ token }) => token),
      text: model.tokenizer && parts.map(({ text }) => text).join('') + rest.text,
      finishReason: rest.finishReason,
      promptTokens,
      seed: options.seed,
      ...(flags.logprobs || flags.topLogprobs ? { logprobs: parts.map(({ logprob }) => logprob as number) } : {}),
      ...(flags.topLogprobs ? { topLogprobs: parts.map(({ topLogprobs }) => topLogprobs) as Generated['topLogprobs'] } : {}),
    };
  } catch (error) {
    if (io.signal.aborted) throw new Interrupted('stopped while the prompt was read.');
    throw error;
  } finally {
    session.dispose();
  }
}

async function withBeams(
  io: Io,
  model: OpenModel,
  prompt: readonly number[],
  options: GenerateOptions,
  flags: GenerateFlags,
): Promise<Result> {
  const result = await generate(model, prompt, options);
  if (!flags.json) io.stdout.write(flags.ids ? result.tokens.join(' ') : (result.text ?? ''));
  return result;
}

/** @throws SsmError FILE where there is none */
async function readSnapshot(io: Io, path: string): Promise<Uint8Array> {
  try {
    return await readFile(pathFrom(io.cwd, path));
  } catch (cause) {
    const problem = { what: `${path} cannot be read.`, expected: 'a snapshot that --snapshot wrote', got: String(cause) };
    throw new SsmError({ code: 'FILE', ...problem, fix: 'check the path' }, { cause });
  }
}
