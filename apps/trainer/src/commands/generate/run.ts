import { readFile } from 'node:fs/promises';
import { type FinishReason, type Generated, type GenerateOptions, generate, Session } from '@densessm/generate';
import { SsmError } from '@densessm/ssm-core/plain';
import { usageError } from '../../errors';
import { Interrupted, type Io } from '../../io';
import { type OpenModel, openModel } from '../../model/open-model';
import { pathFrom, refuseOverwrite, writeFileWhole } from '../../output/write-file';
import { writeJson } from '../shared';
import type { GenerateFlags } from './command';
import { samplingOptions } from './options';
import { promptText, promptTokens } from './prompt';

export async function runGenerate(io: Io, source: string, argument: string | undefined, flags: GenerateFlags): Promise<void> {
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
  const { promptChunk } = flags;
  const session = snapshot === undefined ? new Session(model, { promptChunk }) : await Session.restore(model, snapshot, { promptChunk });
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
