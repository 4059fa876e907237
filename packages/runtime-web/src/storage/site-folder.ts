import { SsmError } from '@densessm/ssm-core';

/** A file of a {@link SiteFolder}. */
export interface SiteFile {
  readonly name: string;
  readonly bytes: number;
}

const ROOT = 'densessm';

/** Names that a file system takes, whatever they say. */
const onDisk = (name: string): string => encodeURIComponent(name).replaceAll('.', '%2E').replaceAll('*', '%2A');
const byName = (name: string): string => decodeURIComponent(name);

/**
 * A folder of this site's own in the browser (the origin private file system), of pages and workers alike: for what is large and should still be there
 * at the next visit. A file is there wholly or not at all.
 */
export class SiteFolder {
  readonly #handle: FileSystemDirectoryHandle;

  private constructor(handle: FileSystemDirectoryHandle) {
    this.#handle = handle;
  }

  /** The folder of a name inside ours, made where it is missing; undefined where the browser has no such storage (a page without https, some private windows). */
  static async open(name: string): Promise<SiteFolder | undefined> {
    try {
      const root = await globalThis.navigator?.storage?.getDirectory?.();
      const ours = await root?.getDirectoryHandle(ROOT, { create: true });
      return ours && new SiteFolder(await ours.getDirectoryHandle(onDisk(name), { create: true }));
    } catch {
      return undefined;
    }
  }

  /** A folder inside, made where it is missing. */
  async folder(name: string): Promise<SiteFolder> {
    return new SiteFolder(await this.#handle.getDirectoryHandle(onDisk(name), { create: true }));
  }

  /** The names of the folders inside. */
  async folders(): Promise<string[]> {
    const names: string[] = [];
    for await (const [name, { kind }] of this.#entries()) if (kind === 'directory') names.push(byName(name));
    return names;
  }

  async files(): Promise<SiteFile[]> {
    const found: SiteFile[] = [];
    for await (const [name, entry] of this.#entries()) {
      if (entry.kind === 'file') found.push({ name: byName(name), bytes: (await (entry as FileSystemFileHandle).getFile()).size });
    }
    return found;
  }

  /** The content; undefined where there is no such file. */
  async read(name: string): Promise<Blob | undefined> {
    try {
      return await (await this.#handle.getFileHandle(onDisk(name))).getFile();
    } catch {
      return undefined;
    }
  }

  /** Writes a file in the place of the one that may be there. @throws SsmError FILE where there is no room */
  async write(name: string, content: Blob | Uint8Array<ArrayBuffer>): Promise<void> {
    try {
      const file = await this.#handle.getFileHandle(onDisk(name), { create: true });
      await ('createWritable' in file ? writeAtOnce(file, content) : writeInWorker(file, content));
    } catch (error) {
      await this.remove(name);
      throw noRoom(name, error);
    }
  }

  /** Removes a file or a folder with all that is in it; nothing where there is none. */
  async remove(name: string): Promise<void> {
    await this.#handle.removeEntry(onDisk(name), { recursive: true }).catch(() => undefined);
  }

  #entries(): AsyncIterable<[string, FileSystemHandle]> {
    return (this.#handle as unknown as { entries(): AsyncIterable<[string, FileSystemHandle]> }).entries();
  }
}

/** Puts the file there when all has been written. */
async function writeAtOnce(file: FileSystemFileHandle, content: Blob | Uint8Array<ArrayBuffer>): Promise<void> {
  const writer = await file.createWritable();
  try {
    await writer.write(content);
    await writer.close();
  } catch (error) {
    await writer.abort().catch(() => undefined);
    throw error;
  }
}

interface SyncFile {
  write(bytes: Uint8Array): number;
  truncate(size: number): void;
  flush(): void;
  close(): void;
}

/** As older Safari writes, in workers alone. */
async function writeInWorker(file: FileSystemFileHandle, content: Blob | Uint8Array<ArrayBuffer>): Promise<void> {
  const open = await (file as unknown as { createSyncAccessHandle(): Promise<SyncFile> }).createSyncAccessHandle();
  try {
    open.truncate(0);
    open.write(content instanceof Uint8Array ? content : new Uint8Array(await content.arrayBuffer()));
    open.flush();
  } finally {
    open.close();
  }
}

const noRoom = (name: string, cause: unknown): SsmError =>
  new SsmError(
    {
      code: 'FILE',
      what: `${name} could not be kept in this browser's storage.`,
      expected: 'room for it',
      got: cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause),
      fix: 'delete kept models or runs, free space on this device, or go on without keeping it',
    },
    { cause },
  );
