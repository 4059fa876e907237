import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type FileSet, type LoadedModel, loadPretrainedFiles } from '@densessm/checkpoint';
import { savePretrained, startBackend } from '@densessm/runtime-node';
import { countParams, disposeTree } from '@densessm/ssm-core';
import { type Command, Option } from 'commander';
import { usageError } from '../../errors';
import type { Io } from '../../io';
import { FAMILIES } from '../../model/families';
import { hubOptions, type OpenModelOptions } from '../../model/open-model';
import { openModelFiles, readBytes } from '../../model/source';
import { formatCount } from '../../output/numbers';
import { openProgress } from '../../output/progress';
import { pathFrom, refuseFullFolder, writeFileWhole } from '../../output/write-file';
import { type Kind, whole } from '../../settings/kinds';
import { MODEL_ARGUMENT, reading, remark, writeJson } from '../shared';
import { bytesOfText, DTYPES, type DtypeFlag, SAVE_DTYPES } from './formats';
import { NAMES, type Names, withNames } from './names';
import { type DenseFlags, upcycle } from './upcycle';

interface ConvertFlags extends DenseFlags, Pick<OpenModelOptions, 'revision' | 'offline'> {
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

/** Files beside the weights that go along. */
const COMPANIONS = [
  ...['tokenizer.json', 'tokenizer.model', 'tokenizer_config.json', 'special_tokens_map.json', 'added_tokens.json'],
  ...['vocab.json', 'merges.txt', 'chat_template.jinja', 'generation_config.json'],
  ...['additional_chat_templates/tool_use.jinja', 'additional_chat_templates/rag.jinja'],
] as const;

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
    .action((source: string, folder: string, flags: ConvertFlags) => convert(io, source, folder, flags));
}

async function convert(io: Io, source: string, folder: string, flags: ConvertFlags): Promise<void> {
  const dtype = SAVE_DTYPES[flags.dtype];
  checkDense(flags);
  const target = pathFrom(io.cwd, folder);
  await refuseFullFolder(target, flags.overwrite);
  const { files, name } = await openModelFiles(io, source, hubOptions(flags));
  await startBackend({ device: 'cpu' }); // nothing is computed, and memory is not limited to what WebAssembly has
  const loaded = await load(io, files);
  const made = transform(loaded, flags);
  try {
    remark(io, `writing ${folder}`);
    await savePretrained(target, made, { dtype, maxShardBytes: flags.maxShardSize });
    const copied = await copyCompanions(files, target);
    report(io, { source: name, folder, made, dtype, copied }, flags.json);
  } finally {
    disposeTree(made.params);
  }
}

function checkDense({ denseLayers, seed, ...flags }: ConvertFlags): void {
  const other = Object.entries(flags).find(([name, value]) => name.startsWith('dense') && value !== undefined)?.[0];
  if (denseLayers !== undefined || (other === undefined && seed === undefined)) return;
  throw usageError('convert: options of the dense form stand alone.', '--dense-layers beside them', 'none', 'add --dense-layers 2, say');
}

/** Loads the weights, with a bar for what is read. */
async function load(io: Io, files: FileSet): Promise<LoadedModel> {
  const bar = openProgress(io, { label: 'reading', unit: 'bytes' });
  let [done, total] = [0, 0];
  const counted: FileSet = {
    where: files.where,
    open: async (name) => {
      const file = await files.open(name);
      if (!file) return undefined;
      total += file.size;
      const read = async (offset: number, length: number): Promise<Uint8Array> => {
        const bytes = await file.read(offset, length);
        done += bytes.length;
        bar.update(done, Math.max(done, total));
        return bytes;
      };
      return { ...file, size: file.size, read, close: () => file.close() };
    },
  };
  try {
    return await loadPretrainedFiles(counted, { models: FAMILIES });
  } finally {
    bar.end();
  }
}

/** The model under other names and in its dense form, as far as asked for. Frees the weights where that fails. */
function transform(loaded: LoadedModel, flags: ConvertFlags): LoadedModel {
  try {
    const { denseLayers } = flags;
    const grown = denseLayers === undefined ? loaded : upcycle(loaded, { ...flags, denseLayers });
    return flags.names === undefined ? grown : { ...grown, config: withNames(grown.model, grown.config, flags.names) };
  } catch (error) {
    disposeTree(loaded.params);
    throw error;
  }
}

async function copyCompanions(files: FileSet, target: string): Promise<string[]> {
  const copied: string[] = [];
  for (const name of COMPANIONS) {
    const bytes = await readBytes(files, name);
    if (bytes === null) continue;
    await mkdir(dirname(join(target, name)), { recursive: true });
    await writeFileWhole(join(target, name), bytes);
    copied.push(name);
  }
  return copied;
}

interface Report {
  source: string;
  folder: string;
  made: LoadedModel;
  dtype: string;
  copied: readonly string[];
}

function report(io: Io, { source, folder, made, dtype, copied }: Report, asJson: boolean | undefined): void {
  const { modelType } = made.model;
  const parameters = countParams(made.model.spec(made.config));
  if (asJson) writeJson(io, { source, folder, modelType, parameters, dtype, copied });
  else
    io.stdout.write(
      `${folder}: ${modelType}, ${formatCount(parameters)} parameters as ${dtype}${copied.length > 0 ? `, with ${copied.join(', ')}` : ''}\n`,
    );
}
