import { WEIGHT_TYPES } from '@densessm/ssm-core/plain';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Io } from '../io';
import { DEVICES } from '../settings/devices';
import type { Kind } from '../settings/kinds';

/** What every command that opens a model calls it. */
export const MODEL_ARGUMENT = 'a folder, the folder of a training run, a Hub id such as state-spaces/mamba-130m-hf, or a URL';

/** A reader for commander: the value of a word, or an error that says what it should have been. */
export const reading =
  <T>(kind: Kind<T>) =>
  (word: string): T => {
    const value = kind.read(word);
    if (value === undefined) throw new InvalidArgumentError(`It must be ${kind.expected}.`);
    return value;
  };

/** Flags of every command that loads a model. */
export function addModelOptions(command: Command): Command {
  return command
    .addOption(new Option('--device <name>', 'where it is computed').choices(DEVICES).default('auto').helpGroup('Model:'))
    .addOption(new Option('--tokenizer <source>', 'another tokenizer: tokenizer.json, folder or Hub id').helpGroup('Model:'))
    .addOption(new Option('--revision <name>', 'branch, tag or commit on the Hub').helpGroup('Model:'))
    .addOption(new Option('--offline', 'take what is in the cache and ask no server').helpGroup('Model:'))
    .addOption(
      new Option('--weights <type>', 'how matrices are kept in memory: 32, 16, 8.5 or 4.5 bits a weight (default: as in the files, or f32)')
        .choices(WEIGHT_TYPES)
        .helpGroup('Model:'),
    );
}

/** One JSON value on stdout, for machines. */
export const writeJson = (io: Io, value: unknown): void => void io.stdout.write(`${JSON.stringify(value, null, 2)}\n`);

export const writeLines = (io: Io, lines: readonly string[]): void => void io.stdout.write(lines.map((line) => `${line}\n`).join(''));

/** A remark beside the results. */
export const remark = (io: Io, text: string): void => void io.stderr.write(`${text}\n`);
