import { type Command, Option } from 'commander';
import type { Io } from '../../io';
import type { OpenModelOptions } from '../../model/open-model';
import { type Kind, whole } from '../../settings/kinds';
import { MODEL_ARGUMENT, reading } from '../shared';
import { bytesOfText, DTYPES, type DtypeFlag, NAMES, type Names } from './formats';
import type { DenseFlags } from './upcycle';

export interface ConvertFlags extends DenseFlags, Pick<OpenModelOptions, 'revision' | 'offline'> {
  dtype: DtypeFlag;
  names?: Names;
  maxShardSize?: number;
  overwrite?: boolean;
  json?: boolean;
}

const EXAMPLES = `
Examples:
  $ densessm convert ./old-model ./new-model                                  PyTorch .bin files become safetensors
  $ densessm convert state-spaces/mamba-130m-hf ./mamba-bf16 --dtype bf16
  $ densessm convert out/book ./book-int8 --dtype int8                        a quarter of the size, for generate, chat and eval
  $ densessm convert state-spaces/mamba-130m ./mamba-130m-hf --names hf       names of state-spaces/mamba become transformers'
  $ densessm convert ./mamba ./dense-mamba --dense-layers 2                   the dense form, with the same logits until it is trained

The tokenizer and what else belongs to the model go along.`;

const size: Kind<number> = { placeholder: 'size', expected: 'a size such as 5GB or 500MB', read: (word) => bytesOfText(String(word)) };

/** `densessm convert`. */
export function registerConvert(program: Command, io: Io): void {
  const group = 'Dense form:';
  program
    .command('convert')
    .summary('write a model in another format, under other names, or in its dense form')
    .description('Writes a model as safetensors: from PyTorch files, in another element type, under other names, or in its dense form.')
    .argument('<model>', MODEL_ARGUMENT)
    .argument('<folder>', 'where to write it')
    .addOption(new Option('--dtype <name>', 'how the weights are kept; int8 and int4 are for matrices').choices(DTYPES).default('f32'))
    .addOption(
      new Option('--names <style>', 'names of tensors and config keys: those of transformers or of state-spaces/mamba').choices(
        Object.keys(NAMES),
      ),
    )
    .option('--max-shard-size <size>', 'weights beyond this go into several files (default: 5GB)', reading(size))
    .option('--overwrite', 'write into a folder that is not empty')
    .option('--revision <name>', 'branch, tag or commit on the Hub')
    .option('--offline', 'take what is in the cache and ask no server')
    .option('--json', 'say as JSON what was written')
    .addOption(new Option('--dense-layers <n>', 'shallower layers that each layer reads').helpGroup(group).argParser(reading(whole(1))))
    .addOption(new Option('--dense-gate <kind>', 'gate of what is read').choices(['mlp', 'linear', 'none']).helpGroup(group))
    .addOption(new Option('--dense-gate-rank <n>', 'width inside an mlp gate').helpGroup(group).argParser(reading(whole(1))))
    .addOption(new Option('--dense-projection <kind>', 'how it is projected').choices(['identity', 'linear', 'none']).helpGroup(group))
    .addOption(new Option('--dense-fusion <place>', 'where it joins in a Mamba').choices(['state', 'input']).helpGroup(group))
    .addOption(new Option('--dense-fusion-method <kind>', 'how it joins').choices(['add', 'concat', 'attention']).helpGroup(group))
    .addOption(new Option('--dense-scope <kind>', 'which layers read').choices(['layer', 'block']).helpGroup(group))
    .addOption(new Option('--seed <n>', 'of what starts afresh').helpGroup(group).argParser(reading(whole(0, 2 ** 32 - 1))))
    .addHelpText('after', EXAMPLES)
    .action(async (source: string, folder: string, flags: ConvertFlags) => (await import('./run')).convert(io, source, folder, flags));
}
