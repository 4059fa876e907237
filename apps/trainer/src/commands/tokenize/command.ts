import { type Command, Option } from 'commander';
import type { Io } from '../../io';
import type { OpenModelOptions } from '../../model/open-model';
import { whole } from '../../settings/kinds';
import { reading } from '../shared';
import type { TrainTokenizerFlags } from './train';

export interface TokenizeFlags extends TrainTokenizerFlags, Pick<OpenModelOptions, 'revision' | 'offline'> {
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
    .action(async (source: string | undefined, text: string | undefined, flags: TokenizeFlags) =>
      (await import('./run')).runTokenize(io, source, text, flags),
    );
}
