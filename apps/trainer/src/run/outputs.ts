import type { RunRecord } from '@densessm/train';
import { belongsBefore } from '@densessm/train/internal';
import { EventFile } from '../run-folder/event-file';
import { type FileSystem, realFiles } from '../run-folder/files';
import type { RunLock } from '../run-folder/lock';
import { LogFile, readLog } from '../run-folder/log-file';

interface Opening {
  readonly lock: RunLock;
  readonly step: number;
  readonly observedAt: number;
  /** Shown in TensorBoard. */
  readonly config: Readonly<Record<string, unknown>>;
}

/** Everything that is written as a run goes: log.jsonl and TensorBoard's events. */
export class RunOutputs {
  private constructor(
    readonly lock: RunLock,
    readonly log: LogFile,
    readonly events: EventFile,
  ) {}

  /**
   * Opens them for a run that has done `step` steps and was observed after `observedAt`. What was noted of later ones is dropped,
   * since it will come again.
   * @throws SsmError FILE where they cannot be written
   */
  static async open(folder: string, { lock, step, observedAt, config }: Opening, fs: FileSystem = realFiles): Promise<RunOutputs> {
    const kept = step === 0 ? [] : (await readLog(folder, fs)).filter((one) => belongsBefore(one, one.type === 'step' ? step : observedAt));
    const log = await LogFile.open(folder, kept, fs);
    try {
      return new RunOutputs(lock, log, await EventFile.open(folder, { step, config, kept }, fs));
    } catch (error) {
      await log.close();
      throw error;
    }
  }

  /** @throws SsmError FILE where the folder was removed or taken over, or is being removed */
  async check(): Promise<void> {
    await this.lock.check();
    await this.log.check();
  }

  /** @throws SsmError FILE where the disk is full, or the folder was removed or taken over */
  async write(record: RunRecord): Promise<void> {
    await this.lock.check();
    await this.log.write(record);
    await this.events.write(record);
  }

  /** Waits until all is on the disk, so that no checkpoint is ahead of its log. */
  async sync(): Promise<void> {
    await this.log.sync();
    await this.events.sync();
  }

  async close(): Promise<void> {
    await this.log.close();
    await this.events.close();
  }
}
