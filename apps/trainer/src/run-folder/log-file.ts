import { dirname, join } from 'node:path';
import { SsmError } from '@densessm/ssm-core/plain';
import { parseRecordLine, type RunRecord, recordLine } from '@densessm/train';
import { continuation } from './checkpoint';
import { type FileSystem, isSameFile, readTextIfThere, realFiles, writeError } from './files';
import { LOG_FILE } from './names';

/** The records of a run, one JSON object in each line, written as they come. */
export class LogFile {
  readonly #path: string;
  readonly #file: Awaited<ReturnType<FileSystem['open']>>;

  private constructor(path: string, file: Awaited<ReturnType<FileSystem['open']>>) {
    this.#path = path;
    this.#file = file;
  }

  /**
   * Opens the log of a run to go on behind `kept`, which replaces what is there.
   * @throws SsmError FILE where it cannot be written
   */
  static async open(folder: string, kept: readonly RunRecord[] = [], fs: FileSystem = realFiles): Promise<LogFile> {
    const path = join(folder, LOG_FILE);
    const temporary = `${path}.${crypto.randomUUID()}.tmp`;
    try {
      const file = await fs.open(temporary, 'a');
      await file.appendFile(kept.map(recordLine).join(''));
      await file.sync();
      await fs.rename(temporary, path);
      return new LogFile(path, file);
    } catch (error) {
      await fs.rm(temporary, { force: true }).catch(() => undefined);
      throw writeError('The log of the run could not be written.', path, error);
    }
  }

  /** @throws SsmError FILE where the disk is full or the file was removed */
  async write(record: RunRecord): Promise<void> {
    try {
      await this.#file.appendFile(recordLine(record));
    } catch (error) {
      throw writeError('The log of the run could not be written.', this.#path, error, await continuation(dirname(this.#path)));
    }
    await this.check();
  }

  /** @throws SsmError FILE where the file was removed or replaced */
  async check(): Promise<void> {
    if (!(await isSameFile(this.#file, this.#path))) throw removed(this.#path);
  }

  /** Waits until everything is on the disk, so that a checkpoint is never ahead of its log. */
  async sync(): Promise<void> {
    await this.#file.sync();
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}

const removed = (path: string): SsmError =>
  new SsmError({
    code: 'FILE',
    what: `${path} was removed or replaced while the run was training.`,
    expected: 'the log as this run left it',
    got: 'no file, or another one',
    fix: 'this run has stopped; start it again, and leave its folder alone until it ends',
  });

/**
 * The records of a log, up to the first line that is not whole: a process that was killed may have left one. Lines of later
 * versions are left out. Empty where there is no log.
 */
export async function readLog(folder: string, fs: FileSystem = realFiles): Promise<RunRecord[]> {
  const text = (await readTextIfThere(fs, join(folder, LOG_FILE))) ?? '';
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  return whole.split('\n').flatMap((line) => parseRecordLine(line) ?? []);
}
