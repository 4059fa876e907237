import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { configEvent, eventFileName, type RunRecord, recordEvent, startEvent } from '@densessm/train';
import { eventFileHeader } from '@densessm/train/internal';
import { continuation } from './checkpoint';
import { type FileSystem, realFiles, writeError } from './files';

export interface EventFileOptions {
  /** Steps done. What older files of the folder hold of later ones is declared void. */
  readonly step: number;
  /** Shown as a table among the texts. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Records that are kept; those of `step` itself are written again, since TensorBoard voids whole steps. */
  readonly kept?: readonly RunRecord[];
}

/** The records of a run as TensorBoard reads them. Each process of a run has a file of its own. */
export class EventFile {
  readonly #path: string;
  readonly #file: Awaited<ReturnType<FileSystem['open']>>;

  private constructor(path: string, file: Awaited<ReturnType<FileSystem['open']>>) {
    this.#path = path;
    this.#file = file;
  }

  /** @throws SsmError FILE where it cannot be written */
  static async open(folder: string, { step, config, kept = [] }: EventFileOptions, fs: FileSystem = realFiles): Promise<EventFile> {
    const now = Date.now() / 1000;
    const before = (await fs.readdir(folder)).filter((name) => name.includes('.tfevents.')).length; // names differ within one second too
    const path = join(folder, eventFileName(now, hostname(), process.pid, before));
    try {
      const opened = new EventFile(path, await fs.open(path, 'ax'));
      await opened.#append([eventFileHeader(now), startEvent(now, step), ...(step > 0 ? [] : [configEvent(now, config)])]);
      for (const record of kept) if (step > 0 && record.step === step) await opened.write(record);
      return opened;
    } catch (error) {
      throw writeError("TensorBoard's events could not be written.", path, error);
    }
  }

  /** @throws SsmError FILE where the disk is full */
  async write(record: RunRecord): Promise<void> {
    try {
      await this.#append([recordEvent(record)]);
    } catch (error) {
      throw writeError("TensorBoard's events could not be written.", this.#path, error, await continuation(dirname(this.#path)));
    }
  }

  async #append(events: readonly Uint8Array[]): Promise<void> {
    await this.#file.appendFile(Buffer.concat(events));
  }

  /** Waits until everything is on the disk. */
  async sync(): Promise<void> {
    await this.#file.sync();
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}
