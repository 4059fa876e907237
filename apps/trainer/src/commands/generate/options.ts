import type { GenerateOptions } from '@densessm/generate';
import { type Command, Option } from 'commander';
import { usageError } from '../../errors';
import { type Kind, real, whole } from '../../settings/kinds';
import { reading } from '../shared';

/** Flags of sampling as commander reads them; the names are those of `generate`'s options. */
export interface SamplingFlags {
  maxTokens?: number;
  temperature?: number;
  topK?: number;
  topP?: number;
  minP?: number;
  repetitionPenalty?: number;
  presencePenalty?: number;
  frequencyPenalty?: number;
  noRepeatNgram?: number;
  logitBias?: Record<number, number>;
  seed?: number;
  stop?: string[];
  eosId?: number[];
  promptChunk?: number;
}

/** What draws well from most models; greedy choices of small ones run in circles. */
const TEMPERATURE = 0.8;
const anyNumber: Kind<number> = { ...real(Number.NEGATIVE_INFINITY), expected: 'a number' };

interface Row {
  readonly flag: string;
  readonly about: string;
  readonly kind: Kind<number>;
}
const ROWS: readonly Row[] = [
  { flag: '--max-tokens <n>', about: 'most tokens to write (default: 256)', kind: whole(1) },
  { flag: '--temperature <x>', about: `0 takes the most likely token, 1 draws as the model says (default: ${TEMPERATURE})`, kind: real(0) },
  { flag: '--top-k <n>', about: 'draw from the n most likely tokens', kind: whole(0) },
  { flag: '--top-p <x>', about: 'draw from the fewest tokens with this share of the probability', kind: real(0, 1) },
  { flag: '--min-p <x>', about: 'draw from tokens at least this share as likely as the likeliest', kind: real(0, 1) },
  { flag: '--repetition-penalty <x>', about: 'above 1: tokens of the text so far become less likely', kind: real(0) },
  { flag: '--presence-penalty <x>', about: 'off the logit of a token that was written before', kind: anyNumber },
  { flag: '--frequency-penalty <x>', about: 'off the logit of a token for each time it was written', kind: anyNumber },
  { flag: '--no-repeat-ngram <n>', about: 'no n tokens in a row come twice', kind: whole(0) },
  { flag: '--seed <n>', about: 'makes the draws repeatable', kind: whole(0) },
];

const collect =
  <T>(read: (word: string) => T) =>
  (word: string, before: readonly T[] = []): T[] => [...before, read(word)];

/** Adds every option of sampling as a flag. */
export function addSamplingFlags(command: Command): Command {
  const group = 'Sampling:';
  for (const { flag, about, kind } of ROWS) {
    const option = new Option(flag, about).helpGroup(group).argParser(reading(kind));
    option.negate = false; // commander takes --no-repeat-ngram for the opposite of --repeat-ngram
    command.addOption(option);
  }
  return command
    .addOption(new Option('--logit-bias <id=x>', 'added to the logit of a token; -inf forbids it').helpGroup(group).argParser(readBias))
    .addOption(
      new Option('--stop <text>', 'ends the text; \\n is a line break; may be given again').helpGroup(group).argParser(collect(unescaped)),
    )
    .addOption(
      new Option('--eos-id <id>', 'token that ends the text; may be given again (default: the model’s)')
        .helpGroup(group)
        .argParser(collect(reading(whole(0)))),
    )
    .addOption(
      new Option('--prompt-chunk <n>', 'prompt tokens per call of the model (default: 512, on a GPU 2048)')
        .helpGroup(group)
        .argParser(reading(whole(1))),
    );
}

/** A shell passes \n on as two characters. */
const unescaped = (word: string): string => word.replaceAll(/\\([nt\\])/g, (_, letter: string) => ({ n: '\n', t: '\t' })[letter] ?? '\\');

function readBias(word: string, before: Record<number, number> = {}): Record<number, number> {
  const [, id, amount] = /^(\d+)=([+-]?(?:inf|[\d.]+(?:e[+-]?\d+)?))$/i.exec(word) ?? [];
  const value = amount === undefined ? Number.NaN : /inf/i.test(amount) ? (amount.startsWith('-') ? -Infinity : Infinity) : Number(amount);
  if (id === undefined || Number.isNaN(value))
    throw usageError('--logit-bias cannot be used.', 'a token id, =, a number or -inf, such as 50=-2.5', word, 'correct it');
  return { ...before, [Number(id)]: value };
}

/** The options of `generate`, those that were not given left out. */
export function samplingOptions(flags: SamplingFlags, eosIds: readonly number[], drawsByDefault = true): GenerateOptions {
  const { eosId, temperature = drawsByDefault ? TEMPERATURE : undefined, stop, logitBias, ...numbers } = flags;
  const known = ROWS.map(({ flag }) => attributeOf(flag)) as (keyof typeof numbers)[];
  const given = [...known, 'promptChunk' as const].filter((name) => numbers[name] !== undefined).map((name) => [name, numbers[name]]);
  return {
    ...Object.fromEntries(given),
    ...(temperature === undefined ? {} : { temperature }),
    ...(stop === undefined ? {} : { stop }),
    ...(logitBias === undefined ? {} : { logitBias }),
    eosIds: eosId ?? eosIds,
  };
}

/** --top-k <n> → topK */
const attributeOf = (flag: string): string =>
  (flag.split(' ')[0] ?? '').replace(/^--/, '').replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
