import { mkdir, readdir } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { type FileSet, type LoadedModel, loadPretrainedFiles } from '@densessm/checkpoint';
import { savePretrained, startBackend } from '@densessm/runtime-node';
import { countParams, disposeTree } from '@densessm/ssm-core';
import { usageError } from '../../errors';
import type { Io } from '../../io';
import { modelsOf } from '../../model/families';
import { hubOptions } from '../../model/open-model';
import { openModelFiles, readBytes } from '../../model/source';
import { formatCount } from '../../output/numbers';
import { openProgress } from '../../output/progress';
import { pathFrom, refuseFullFolder, writeFileWhole } from '../../output/write-file';
import { remark, writeJson } from '../shared';
import type { ConvertFlags } from './command';
import { SAVE_DTYPES } from './formats';
import { withNames } from './names';
import { upcycle } from './upcycle';

/** Files beside the weights that go along. */
const COMPANIONS = [
  ...['tokenizer.json', 'tokenizer.model', 'tokenizer_config.json', 'special_tokens_map.json', 'added_tokens.json'],
  ...['vocab.json', 'merges.txt', 'chat_template.jinja', 'generation_config.json'],
  ...['additional_chat_templates/tool_use.jinja', 'additional_chat_templates/rag.jinja'],
] as const;

export async function convert(io: Io, source: string, folder: string, flags: ConvertFlags): Promise<void> {
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
    await writeFileList(target);
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
    return await loadPretrainedFiles(counted, { models: modelsOf(io) });
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

/** The list by which a page knows which files to ask for, as of a repository on the Hub. */
async function writeFileList(target: string): Promise<void> {
  const entries = await readdir(target, { recursive: true, withFileTypes: true });
  const names = entries.filter((one) => one.isFile()).map((one) => relative(target, join(one.parentPath, one.name)).replaceAll('\\', '/'));
  await writeFileWhole(join(target, 'files.json'), `${JSON.stringify(names.sort(), null, 2)}\n`);
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
