import type { Tokenizer } from '@densessm/tokenizer';
import { usageError } from '../../errors';
import { readTextInput } from '../../input/read-text';
import type { Io } from '../../io';
import { openTokenizer } from '../../model/open-model';
import { formatCount } from '../../output/numbers';
import { alignPairs, alignTable } from '../../output/table';
import { terminalWidth } from '../../output/terminal';
import { idsOf } from '../generate/prompt';
import { writeJson, writeLines } from '../shared';
import type { TokenizeFlags } from './command';
import { type TrainedTokenizer, trainTokenizer } from './train';

export async function runTokenize(io: Io, source: string | undefined, argument: string | undefined, flags: TokenizeFlags): Promise<void> {
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
        width: terminalWidth(io),
      }),
    );
}
