/** Unfinished downloads: each has one writer at a time, and whoever comes after it resumes where it stopped. */
import { randomUUID } from 'node:crypto';
import { readdir, rename } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { sizeOf } from './file-size';
import { sha256 } from './options';

const HOST = sha256(hostname()).slice(0, 8);

/** Whose unfinished file it is: this machine and the process, 0 for nobody's. */
export const partialName = (blob: string, pid: number): string => `${blob}.${HOST}-${pid}-${randomUUID()}.incomplete`;

/** An unfinished file that no other process writes: one left behind, which renaming makes ours alone, or a new name. */
export async function claimPartial(blob: string): Promise<string> {
  const own = partialName(blob, process.pid);
  const left = (await partialsOf(blob)).filter(({ pid }) => !isAlive(pid));
  for (const { path } of left.sort((a, b) => b.size - a.size)) {
    const isOurs = await rename(path, own).then(
      () => true,
      () => false, // another process was quicker
    );
    if (isOurs) return own;
  }
  return own;
}

export async function partialsOf(blob: string): Promise<{ path: string; pid: number; size: number }[]> {
  const found: { path: string; pid: number; size: number }[] = [];
  for (const entry of await readdir(dirname(blob)).catch(() => [] as string[])) {
    const path = join(dirname(blob), entry);
    if (!path.startsWith(`${blob}.${HOST}-`)) continue;
    const pid = /^(\d+)-[\w-]+\.incomplete$/.exec(path.slice(`${blob}.${HOST}-`.length))?.[1];
    if (pid !== undefined) found.push({ path, pid: Number(pid), size: (await sizeOf(path)) ?? 0 });
  }
  return found;
}

export function isAlive(pid: number): boolean {
  if (pid === 0) return false;
  try {
    process.kill(pid, 0); // asks only
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
