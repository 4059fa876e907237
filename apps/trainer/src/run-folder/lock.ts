/**
 * One writer per folder. Every process that wants a folder puts down a claim, a file with a name of its own, and holds the folder once it
 * sees no other claim beside its own: of two that look after both have put theirs down, each sees the other. Claims of processes that have
 * ended are removed by whoever meets them; since no two claims share a name, nobody removes a newer one by mistake.
 */
import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { isObject, SsmError } from '@densessm/ssm-core/plain';
import { usageError } from '../errors';
import { formatSeconds } from '../output/progress';
import { type FileSystem, readTextIfThere, realFiles, replaceFile, writeError } from './files';
import { isRunning, ownIdentity, type ProcessIdentity } from './process-identity';

const CLAIM = /^run\.[\da-f-]{36}\.lock$/;
/** Looks at one claim of another, unchanged, before giving up, and the time between two. */
const [LOOKS, BETWEEN_MS] = [8, 60];
/** Between two signs of life, and after how long without one a process counts as ended that cannot be seen from here. */
const [BEAT_MS, SILENCE_MS] = [15_000, 300_000];

export interface RunLock {
  /** @throws SsmError FILE where the folder was removed, or another process took it over */
  check(): Promise<void>;
  /** Also removes the folders that were made for it, where nothing lies in them. */
  release(): Promise<void>;
}

/**
 * Takes a folder, which is made where it does not exist.
 * @throws SsmError OPTION where another process trains there, FILE where the folder cannot be written
 */
export async function lockRun(folder: string, { breakLock = false } = {}, fs: FileSystem = realFiles): Promise<RunLock> {
  const name = `run.${crypto.randomUUID()}.lock`;
  let made: string | undefined;
  const giveUp = (): Promise<void> => removeClaim(folder, name, made, fs);
  try {
    for (const looks = new Map<string, number>(); ; ) {
      made = (await fs.mkdir(folder, { recursive: true })) ?? made;
      await putDown(folder, name, fs);
      const others = await liveClaims(folder, name, breakLock, fs);
      if (others.length === 0) return new Lock(folder, name, made, fs);
      const stays = others.find((other) => countLook(looks, other) > LOOKS); // who withdraws and comes again has a newer file
      if (stays !== undefined) throw busy(folder, stays);
      if (others.some((other) => other.name < name)) await fs.rm(join(folder, name), { force: true }); // of two at once the first name stays
      await wait(BETWEEN_MS);
    }
  } catch (error) {
    await giveUp();
    if (error instanceof SsmError) throw error;
    throw writeError(`${folder} cannot hold a run.`, folder, error);
  }
}

/** Whether a process trains there. */
export async function isLocked(folder: string, fs: FileSystem = realFiles): Promise<boolean> {
  const names = await fs.readdir(folder).catch(() => [] as string[]);
  const claims = await Promise.all(names.filter((name) => CLAIM.test(name)).map((name) => readClaim(folder, name, Date.now(), fs)));
  return claims.some((claim) => claim !== undefined && isAlive(claim));
}

interface Claim {
  readonly name: string;
  /** Undefined where the file is damaged. */
  readonly owner: ProcessIdentity | undefined;
  /** When the file was last written. */
  readonly writtenMs: number;
  /** Since the last sign of life. */
  readonly silentMs: number;
}

function countLook(looks: Map<string, number>, { name, writtenMs }: Claim): number {
  const key = `${name} ${writtenMs}`;
  const count = (looks.get(key) ?? 0) + 1;
  looks.set(key, count);
  return count;
}

async function putDown(folder: string, name: string, fs: FileSystem): Promise<void> {
  try {
    await replaceFile(fs, folder, name, `${JSON.stringify(ownIdentity())}\n`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error; // who released it removed the folder; it is made again
  }
}

/** The claims of others that live; of the others' dead ones, and of all with `breakLock`, nothing stays. */
async function liveClaims(folder: string, own: string, breakLock: boolean, fs: FileSystem): Promise<Claim[]> {
  const names = await fs.readdir(folder);
  if (!names.includes(own)) return [{ name: '', owner: undefined, writtenMs: 0, silentMs: 0 }]; // the folder went away in between
  const now = (await stat(join(folder, own))).mtimeMs; // by the clock of the file system
  const live: Claim[] = [];
  for (const name of names) {
    if (name === own || !CLAIM.test(name)) continue;
    const claim = await readClaim(folder, name, now, fs);
    if (claim === undefined) continue;
    if (breakLock || !isAlive(claim)) await fs.rm(join(folder, name), { force: true });
    else live.push(claim);
  }
  return live;
}

async function readClaim(folder: string, name: string, now: number, fs: FileSystem): Promise<Claim | undefined> {
  const path = join(folder, name);
  const [text, found] = await Promise.all([readTextIfThere(fs, path), stat(path).catch(() => undefined)]);
  if (text === undefined || found === undefined) return undefined;
  return { name, owner: parseOwner(text), writtenMs: found.mtimeMs, silentMs: Math.max(0, now - found.mtimeMs) };
}

function parseOwner(text: string): ProcessIdentity | undefined {
  try {
    const json: unknown = JSON.parse(text);
    if (isObject(json) && typeof json.pid === 'number' && typeof json.host === 'string') return json as unknown as ProcessIdentity;
  } catch {}
  return undefined;
}

const isAlive = ({ owner, silentMs }: Claim): boolean => (owner && isRunning(owner)) ?? silentMs < SILENCE_MS;

function busy(folder: string, { owner, silentMs }: Claim): SsmError {
  const seen = owner !== undefined && isRunning(owner) !== undefined;
  const silence = seen ? '' : `, last sign of life ${formatSeconds(silentMs / 1000)} ago`;
  const wait = seen ? '' : `; without one for ${formatSeconds(SILENCE_MS / 1000)} it counts as ended`;
  return usageError(
    `${folder}: the run is under way.`,
    'a run that no process trains',
    owner === undefined ? 'a damaged lock' : `process ${owner.pid} on ${owner.host}${silence}`,
    `wait for it or end it${wait}; choose another folder with --out-dir; or add --break-lock if you know that it has ended`,
  );
}

class Lock implements RunLock {
  readonly #path: string;
  readonly #timer: NodeJS.Timeout;
  #beatAt = Date.now();

  constructor(
    readonly folder: string,
    readonly name: string,
    readonly made: string | undefined,
    readonly fs: FileSystem,
  ) {
    this.#path = join(folder, name);
    this.#timer = setInterval(() => void this.#beat(), BEAT_MS).unref();
  }

  async check(): Promise<void> {
    const isThere = await stat(this.#path).then(
      () => true,
      (error: NodeJS.ErrnoException) => error.code !== 'ENOENT' && error.code !== 'ENOTDIR',
    );
    if (!isThere) throw await lost(this.folder);
    if (Date.now() - this.#beatAt > BEAT_MS) await this.#beat();
  }

  async release(): Promise<void> {
    clearInterval(this.#timer);
    await removeClaim(this.folder, this.name, this.made, this.fs);
  }

  /** A sign of life: one byte is written over by itself, so that the file system notes its own time. */
  async #beat(): Promise<void> {
    this.#beatAt = Date.now();
    try {
      const file = await this.fs.open(this.#path, 'r+');
      await file.write(Buffer.from('{'), 0, 1, 0).finally(() => file.close());
    } catch {} // check() tells of a claim that is gone
  }
}

async function removeClaim(folder: string, name: string, made: string | undefined, fs: FileSystem): Promise<void> {
  await fs.rm(join(folder, name), { force: true }).catch(() => undefined);
  if (made === undefined) return;
  try {
    for (let path = folder; ; path = dirname(path)) {
      await fs.rmdir(path); // fails where something lies in it
      if (path === made) return;
    }
  } catch {}
}

async function lost(folder: string): Promise<SsmError> {
  const isThere = await stat(folder).then(
    () => true,
    () => false,
  );
  return new SsmError({
    code: 'FILE',
    what: isThere ? `${folder} was emptied or taken over while the run was training.` : `${folder} was removed while the run was training.`,
    expected: 'the folder as this run left it',
    got: isThere ? 'a folder without the lock of this run' : 'nothing',
    fix: 'this run has stopped and writes nothing more there; start it again, and leave its folder alone until it ends',
  });
}
