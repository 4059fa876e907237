import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isLocked, lockRun } from './lock';
import { ownIdentity } from './process-identity';

let parent: string;
let folder: string;
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'densessm-lock-'));
  folder = join(parent, 'out', 'run');
});
afterEach(() => rm(parent, { recursive: true, force: true }));

/** Puts down the lock that another process left. */
async function claim(owner: object | string, silentSeconds = 0): Promise<void> {
  await mkdir(folder, { recursive: true });
  const path = join(folder, `run.${crypto.randomUUID()}.lock`);
  await writeFile(path, typeof owner === 'string' ? owner : JSON.stringify(owner));
  const then = Date.now() / 1000 - silentSeconds;
  await utimes(path, then, then);
}

/** A process that has ended. */
async function endedProcess(): Promise<number> {
  const child = spawn(process.execPath, ['-e', '']);
  await once(child, 'close');
  return child.pid as number;
}

async function expectFree(): Promise<void> {
  const lock = await lockRun(folder);
  expect((await readdir(folder)).length).toBe(1); // nothing is left of another
  await lock.release();
}

describe('the lock of a run', () => {
  it('lets one of several in that come at once, and the next when it is done', async () => {
    const tried = await Promise.allSettled(Array.from({ length: 6 }, () => lockRun(folder)));
    const held = tried.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    expect(held.length).toBe(1);
    expect(await isLocked(folder)).toBe(true);
    await held[0]?.release();
    expect(await isLocked(folder)).toBe(false);
    await expectFree();
  });

  it('names the process that holds it, and the flag that takes it', async () => {
    await claim(ownIdentity());
    await expect(lockRun(folder)).rejects.toMatchObject({
      ...{ code: 'OPTION', message: expect.stringContaining('under way'), got: expect.stringContaining(`process ${process.pid} on `) },
      fix: expect.stringContaining('--break-lock'),
    });
    await (await lockRun(folder, { breakLock: true })).release();
    expect(await readdir(folder)).toEqual([]);
  });

  it('of a killed process is taken at once, also under another host name', async () => {
    await claim({ ...ownIdentity(), pid: await endedProcess(), host: 'box1' });
    await expectFree();
  });

  it.runIf(ownIdentity().started !== undefined)('of a killed process whose number is used again is taken at once', async () => {
    await claim({ ...ownIdentity(), started: '1' });
    expect(await isLocked(folder)).toBe(false);
    await expectFree();
  });

  it('of another machine is kept while there are signs of life, and no longer', async () => {
    const elsewhere = { host: 'box1', pid: 1, boot: 'another', namespace: 'pid:[1]', started: '5' };
    await claim(elsewhere, 40);
    await expect(lockRun(folder)).rejects.toMatchObject({
      got: expect.stringMatching(/^process 1 on box1, last sign of life ([45]\d s|[1-4] min \d+ s) ago$/),
    });
    await rm(folder, { recursive: true });
    await claim(elsewhere, 400);
    await expectFree();
  });

  it('that is damaged is kept for as long', async () => {
    await claim('', 1);
    await expect(lockRun(folder)).rejects.toMatchObject({ got: 'a damaged lock' });
    await rm(folder, { recursive: true });
    await claim('{', 400);
    await expectFree();
  });

  it('tells its holder when the folder was removed, and when another took it', async () => {
    const lock = await lockRun(folder);
    await lock.check();
    const next = await lockRun(folder, { breakLock: true });
    await expect(lock.check()).rejects.toMatchObject({ code: 'FILE', message: expect.stringContaining('emptied or taken over') });
    await rm(folder, { recursive: true });
    await expect(next.check()).rejects.toMatchObject({ code: 'FILE', message: expect.stringContaining('was removed while') });
    await lock.release();
    await next.release();
  });
});
