import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openCheckpoint, restoreSwapped, writeCheckpoint } from './checkpoint';
import { type FileSystem, realFiles, sweep } from './files';

let parent: string;
let folder: string;
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'densessm-checkpoint-'));
  folder = join(parent, 'checkpoint');
});
afterEach(() => rm(parent, { recursive: true }));

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const files = (text: string) => [
  { name: 'config.json', pieces: [bytes(`{"text": "${text}"}`)] },
  { name: 'model.safetensors', pieces: [bytes(text), bytes(text)] },
];

/** A disk on which the `failing`-th call of a function fails. */
function brokenDisk(code: string, name: 'open' | 'rename' | 'write', failing: number): FileSystem {
  let calls = 0;
  const maybeFail = (of: string): void => {
    if (of === name && ++calls === failing) throw Object.assign(new Error(`${code}: no more`), { code });
  };
  const open: FileSystem['open'] = async (...args) => {
    maybeFail('open');
    const file = await realFiles.open(...args);
    const writeFile = file.writeFile.bind(file);
    file.writeFile = async (...content) => {
      maybeFail('write');
      return writeFile(...content);
    };
    return file;
  };
  const rename: FileSystem['rename'] = async (...args) => {
    maybeFail('rename');
    return realFiles.rename(...args);
  };
  return { ...realFiles, open, rename };
}

const read = async () => {
  const checkpoint = await openCheckpoint(folder);
  await checkpoint?.verify();
  return checkpoint && { step: checkpoint.about.step, text: await readFile(join(folder, 'model.safetensors'), 'utf8') };
};

describe('a checkpoint', () => {
  it('replaces the one before and leaves nothing beside it', async () => {
    await writeCheckpoint(folder, files('one'), { step: 1 });
    await writeCheckpoint(folder, files('two'), { step: 2 });
    expect(await read()).toEqual({ step: 2, text: 'twotwo' });
    expect(await readdir(parent)).toEqual(['checkpoint']);
  });

  it.each([
    ['ENOSPC', 'write', 1, 'a full disk'],
    ['ENOSPC', 'write', 3, 'a full disk'],
    ['ENOSPC', 'write', 4, 'a full disk'],
    ['EROFS', 'open', 1, 'a file system that can only be read'],
    ['EACCES', 'rename', 1, 'no permission to write there'],
    ['EACCES', 'rename', 2, 'no permission to write there'],
  ] as const)('that meets %s at %s %i says so and leaves the one before as it was', async (code, name, failing, got) => {
    await writeCheckpoint(folder, files('before'), { step: 1 });
    await expect(writeCheckpoint(folder, files('after'), { step: 2 }, brokenDisk(code, name, failing))).rejects.toMatchObject({
      code: 'FILE',
      got,
      fix: expect.stringContaining('The checkpoint before is intact'),
    });
    expect(await read()).toEqual({ step: 1, text: 'beforebefore' });
    expect(await readdir(parent)).toEqual(['checkpoint']);
  });

  it.each(['ENOSPC', 'EACCES'])('that is the first one and meets %s promises none to continue from', async (code) => {
    const error: Error & { fix?: string } = await writeCheckpoint(folder, files('one'), {}, brokenDisk(code, 'write', 2)).catch(
      (one) => one,
    );
    expect(error.fix).toMatch(/then start again with --overwrite, since no checkpoint was saved yet$/);
    expect(await readdir(parent)).toEqual([]);
  });

  it('whose process was killed while writing is not looked at, and is swept away', async () => {
    await writeCheckpoint(folder, files('before'), { step: 1 });
    const half = `${folder}.${crypto.randomUUID()}.tmp`;
    await realFiles.mkdir(half);
    await writeFile(join(half, 'model.safetensors'), 'half');
    for (const name of ['run.json', 'log.jsonl', 'report.html'])
      await writeFile(join(parent, `${name}.${crypto.randomUUID()}.tmp`), 'half');
    await sweep(parent);
    expect(await read()).toEqual({ step: 1, text: 'beforebefore' });
    expect(await readdir(parent)).toEqual(['checkpoint']);
  });

  it('whose process was killed between the two renames is put back', async () => {
    await writeCheckpoint(folder, files('before'), { step: 1 });
    await realFiles.rename(folder, `${folder}.old`);
    await restoreSwapped(folder);
    expect(await read()).toEqual({ step: 1, text: 'beforebefore' });
  });

  it.each([
    ['cut short', () => truncate(join(folder, 'model.safetensors'), 3)],
    ['changed', () => writeFile(join(folder, 'model.safetensors'), 'oneonf')],
    ['gone', () => realFiles.rm(join(folder, 'model.safetensors'))],
    ['a manifest without end', () => writeFile(join(folder, 'trainer.json'), '{"format":')],
  ])('that is damaged (%s) is an error', async (_, damage) => {
    await writeCheckpoint(folder, files('one'), { step: 1 });
    await damage();
    await expect(read()).rejects.toMatchObject({ code: 'FILE', message: expect.stringContaining('the checkpoint is damaged') });
  });

  it('is undefined where there is none', async () => {
    expect(await openCheckpoint(folder)).toBeUndefined();
  });
});
