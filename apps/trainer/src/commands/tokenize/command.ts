import type { Tokenizer } from '@densessm/tokenizer';
import { type Command, Option } from 'commander';
import { usageError } from '../../errors';
import { readTextInput } from '../../input/read-text';
import type { Io } from '../../io';
import { type OpenModelOptions, openTokenizer } from '../../model/open-model';
import { formatCount } from '../../output/numbers';
import { alignPairs, alignTable } from '../../output/table';
import { whole } from '../../settings/kinds';
import { idsOf } from '../generate/prompt';
import { reading, writeJson, writeLines } from '../shared';
import { type TrainedTokenizer, type TrainTokenizerFlags, trainTokenizer } from './train';

interface TokenizeFlags extends TrainTokenizerFlags, Pick<OpenModelOptions, 'revision' | 'offline'> {
  file?: string;
  decode?: boolean;
  count?: boolean;
  pieces?: boolean;
  special?: boolean;
  json?: boolean;
}

const EXAMPLES = `
Examples:
  $ densessm tokenize out/book "Once upon a time"           the ids
  $ densessm tokenize out/book --file book.txt --count      how many tokens, and how long they are
  $ densessm tokenize out/book --decode "12 40 7"           back to text
  $ densessm tokenize --train book.txt --vocab-size 4096 --output tokenizer.json`;

/** `densessm tokenize`. */
export function registerTokenize(program: Command, io: Io): void {
  const group = 'Training:';
  program
    .command('tokenize')
    .summary('text to token ids and back; train a tokenizer')
    .description('Turns text into token ids and back, counts them, and trains tokenizers that Hugging Face’s libraries open.')
    .argument('[tokenizer]', 'a tokenizer.json, a SentencePiece .model, a model’s folder or Hub id; none with --train')
    .argument('[text]', 'the text, or ids with --decode; - reads stdin')
    .option('--file <file>', 'the text from a file')
    .option('--decode', 'from ids to text')
    .option('--count', 'numbers instead of ids: tokens, characters, bytes')
    .option('--pieces', 'each token with its text')
    .option('--no-special', 'without the special tokens that begin and end a text')
    .option('--revision <name>', 'branch, tag or commit on the Hub')
    .option('--offline', 'take what is in the cache and ask no server')
    .option('--json', 'the result as JSON')
    .addOption(
      new Option(
        '--train <file...>',
        'train a byte-level BPE on texts: files, folders, - , URLs or Hub datasets, as densessm train takes them',
      ).helpGroup(group),
    )
    .addOption(new Option('--output <file>', 'where to write it (default: tokenizer.json)').helpGroup(group))
    .addOption(new Option('--vocab-size <n>', 'tokens it has (default: 4096)').helpGroup(group).argParser(reading(whole(257))))
    .addOption(
      new Option('--min-frequency <n>', 'pairs that occur less often are not merged (default: 2)')
        .helpGroup(group)
        .argParser(reading(whole(1))),
    )
    .addOption(new Option('--special-tokens <name...>', 'its first ids (default: <|endoftext|>)').helpGroup(group))
    .addOption(new Option('--normalize', 'bring characters that look the same to one form (NFC)').helpGroup(group))
    .addOption(new Option('--field <name>', 'the field of a .jsonl that holds the text (default: text)').helpGroup(group))
    .addOption(new Option('--skip-bad-lines', 'leave out and count lines that cannot be read').helpGroup(group))
    .addOption(new Option('--overwrite', 'replace the file that is there').helpGroup(group))
    .addHelpText('after', EXAMPLES)
    .action((source: string | undefined, text: string | undefined, flags: TokenizeFlags) => runTokenize(io, source, text, flags));
}

async function runTokenize(io: Io, source: string | undefined, argument: string | undefined, flags: TokenizeFlags): Promise<void> {
  if (flags.train !== undefined) {
    if (source !== undefined)
      throw usageError('tokenize --train makes a tokenizer.', 'no tokenizer beside it', source, 'leave one of the two out');
    const trained = await trainTokenizer(io, flags);
    if (flags.json) writeJson(io, trained);
    else io.stdout.write(`${trained.output}: ${aboutTrained(trained)}\n`);
    return;
  }
  if (source === undefined)
    throw usageError(
      'tokenize: no tokenizer is named.',
      'a tokenizer.json, a folder or a Hub id',
      'nothing',
      'see densessm tokenize --help',
    );
  const input = await inputOf(io, argument, flags);
  const tokenizer = await openTokenizer(io, source, flags);
  if (flags.decode) return decode(io, tokenizer, input, flags);
  const ids = tokenizer.encode(input, { addSpecialTokens: flags.special });
  if (flags.count) return count(io, input, ids, flags);
  if (flags.pieces) return pieces(io, tokenizer, ids, flags);
  if (flags.json) writeJson(io, ids);
  else writeLines(io, [ids.join(' ')]);
}

const aboutTrained = ({ vocabSize, characters, skippedLines }: TrainedTokenizer): string =>
  `${formatCount(vocabSize)} tokens from ${formatCount(characters)} characters${skippedLines > 0 ? `, ${formatCount(skippedLines)} lines left out` : ''}`;

async function inputOf(io: Io, argument: string | undefined, { file }: TokenizeFlags): Promise<string> {
  if (argument !== undefined && file !== undefined)
    throw usageError('there are two texts.', 'the argument or --file', 'both', 'leave one of them out');
  if (file !== undefined) return readTextInput(io, file);
  if (argument === '-') return readTextInput(io, '-');
  if (argument !== undefined) return argument;
  if (io.stdin.isTTY) throw usageError('tokenize: there is no text.', 'a text, - or --file', 'nothing', 'see densessm tokenize --help');
  return readTextInput(io, '-');
}

function decode(io: Io, tokenizer: Tokenizer, input: string, { special, json }: TokenizeFlags): void {
  const text = tokenizer.decode(idsOf(input), { skipSpecialTokens: special === false });
  if (json) writeJson(io, text);
  else io.stdout.write(`${text}\n`);
}

function count(io: Io, text: string, ids: readonly number[], { json }: TokenizeFlags): void {
  const characters = [...text].length;
  const bytes = new TextEncoder().encode(text).length;
  const facts = { tokens: ids.length, differentTokens: new Set(ids).size, characters, bytes, bytesPerToken: bytes / ids.length };
  if (json) writeJson(io, facts);
  else
    writeLines(
      io,
      alignPairs([
        ['tokens', `${formatCount(facts.tokens)}, ${formatCount(facts.differentTokens)} different ones`],
        ['characters', formatCount(characters)],
        ['bytes', `${formatCount(bytes)}${ids.length > 0 ? `, ${facts.bytesPerToken.toFixed(2)} a token` : ''}`],
      ]),
    );
}

function pieces(io: Io, tokenizer: Tokenizer, ids: readonly number[], { json }: TokenizeFlags): void {
  const found = ids.map((id) => ({ id, token: tokenizer.idToToken(id), text: tokenizer.decode([id]) }));
  if (json) writeJson(io, found);
  else
    writeLines(
      io,
      alignTable([['id', 'text', 'token'], ...found.map(({ id, token, text }) => [String(id), JSON.stringify(text), token ?? ''])], {
        right: [0],
      }),
    );
}
