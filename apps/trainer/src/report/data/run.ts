import { basename } from 'node:path';
import type { EvaluationRecord, GateRecord, RunRecord, SampleRecord, TrainingRecord } from '@densessm/train';
import { type FileSystem, realFiles } from '../../run-folder/files';
import { readLog } from '../../run-folder/log-file';
import { type RunInfo, type RunState, readRunInfo, stateOf } from '../../run-folder/run-info';

/** A run as a report tells of it. */
export interface ReportRun {
  readonly name: string;
  /** What run.json says; undefined where there is none. */
  readonly info?: RunInfo;
  /** 'running', 'finished' …; undefined without info. */
  readonly state?: string;
  readonly steps: readonly TrainingRecord[];
  readonly evaluations: readonly EvaluationRecord[];
  readonly samples: readonly SampleRecord[];
  readonly gates: readonly GateRecord[];
}

/** Sorts the records of a run by kind and step. Of two of one kind and step the later one counts. */
export function reportRun(
  name: string,
  records: readonly RunRecord[],
  info?: RunInfo,
  state: RunState | undefined = info?.state,
): ReportRun {
  const pick = <T extends RunRecord['type']>(type: T) =>
    inOrder(records.filter((one): one is Extract<RunRecord, { type: T }> => one.type === type));
  return { name, info, state, steps: pick('step'), evaluations: pick('evaluation'), samples: pick('sample'), gates: pick('gates') };
}

const inOrder = <T extends { step: number }>(records: readonly T[]): T[] =>
  [...new Map(records.map((one) => [one.step, one])).values()].sort((a, b) => a.step - b.step);

/** Reads a run's folder. @throws SsmError FILE where its run.json is broken */
export async function readReportRun(folder: string, fs: FileSystem = realFiles): Promise<ReportRun> {
  const info = await readRunInfo(folder, fs);
  return reportRun(info?.name ?? basename(folder), await readLog(folder, fs), info, info && (await stateOf(folder, info, fs)));
}
