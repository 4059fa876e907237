import { SsmError } from '@densessm/ssm-core';
import { parseJson } from '../json';
import { openTorchFile } from '../pickle/torch-file';
import { openSafetensors, readExactly } from '../safetensors';
import { type FileSet, type OpenFile, pathIn, readText } from './file-set';
import { openShards, type PartSource } from './shards';

const SAFETENSORS = 'model.safetensors';
const PICKLE = 'pytorch_model.bin';
const indexOf = (name: string): string => `${name}.index.json`;
/** What is looked for, in this order: that of transformers. */
export const WEIGHT_FILES: readonly string[] = [SAFETENSORS, indexOf(SAFETENSORS), PICKLE, indexOf(PICKLE)];

/** Weights with the files that they are read from. */
export interface OpenWeights {
  readonly source: PartSource;
  /** Names them in errors. */
  readonly where: string;
  /** Names that an index has and no shard. */
  readonly absent: readonly string[];
  close(): Promise<void>;
}

/**
 * Opens the first of a model's weights that is there: safetensors, its shards, a PyTorch file, its shards. Only headers are read.
 * @throws SsmError FILE where there are none, or what is there is broken
 */
export async function openWeights(files: FileSet): Promise<OpenWeights> {
  const opened: OpenFile[] = [];
  const close = async (): Promise<void> => {
    for (const file of opened.splice(0)) await file.close();
  };
  const openOne = async (name: string, file: OpenFile): Promise<PartSource> => {
    opened.push(file);
    const where = pathIn(files, name);
    await refuseLfsPointer(where, file);
    return name.endsWith('.bin') ? openTorchFile(file, where) : openSafetensors(file, where);
  };
  try {
    for (const name of [SAFETENSORS, PICKLE]) {
      const file = await files.open(name);
      if (file) return { source: await openOne(name, file), where: pathIn(files, name), absent: [], close };
      const index = await readText(files, indexOf(name));
      if (index === undefined) continue;
      const where = pathIn(files, indexOf(name));
      const openShard = async (shard: string): Promise<PartSource> => {
        const part = await files.open(shard);
        if (!part) throw nothing(`${pathIn(files, shard)} is missing.`, `every shard of ${indexOf(name)}`, 'get this file too');
        return openOne(shard, part);
      };
      return { ...(await openShards(where, parseJson(index, { where, refuseDuplicates: true }), openShard)), where, close };
    }
  } catch (error) {
    await close();
    throw error;
  }
  throw nothing(`${files.where} holds no weights.`, WEIGHT_FILES.join(' or '), "put the model's weights there");
}

const nothing = (what: string, expected: string, fix: string): SsmError =>
  new SsmError({ code: 'FILE', what, expected, got: 'nothing', fix });

/** A clone without Git LFS has a few lines of text in place of each large file. */
async function refuseLfsPointer(where: string, file: OpenFile): Promise<void> {
  const start = 'version https://git-lfs';
  const bytes = await readExactly(where, file, 0, Math.min(file.size, start.length));
  if (new TextDecoder().decode(bytes) !== start) return;
  throw new SsmError({
    code: 'FILE',
    what: `${where} is a pointer of Git LFS, not the file itself.`,
    expected: 'the weights',
    got: `${file.size} bytes of text`,
    fix: 'run `git lfs pull` there',
  });
}
