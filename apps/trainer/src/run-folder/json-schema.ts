/** What run.json and trainer.json must hold to be read back. */
import {
  anyObject,
  type Check,
  fields,
  finite,
  integer,
  listOf,
  mapOf,
  nullable,
  oneOf,
  optional,
  requireJson,
  string,
} from '../json/check';
import { rowOf, SETTING_NAMES, type SettingName, type Settings } from '../settings/table';
import type { RunInfo } from './run-info';
import type { SweepRun } from './sweep-file';
import type { TrainingNotes } from './training-notes';

const FRESH = 'get the file back from a copy, or begin a new run in another folder: --out-dir';

const setting =
  (name: SettingName): Check =>
  (value, path) =>
    value === undefined || rowOf(name).kind.read(value) !== undefined
      ? undefined
      : { path, expected: rowOf(name).kind.expected, got: value };

const BEST = nullable(fields({ step: integer(0), loss: finite }));

/** What is only shown may be absent, in a run of an earlier version. */
const SHOWN = {
  command: [],
  created: '',
  updated: '',
  versions: {},
  backend: '',
  ranks: 1,
  config: {},
  parameters: 0,
  loss: null,
  best: null,
  seconds: 0,
} as const satisfies Partial<RunInfo>;

const SETTINGS = fields(Object.fromEntries(SETTING_NAMES.map((name) => [name, setting(name)])));

const RUN = fields({
  format: oneOf('densessm-run-1'),
  name: string,
  state: oneOf('running', 'finished', 'interrupted', 'failed'),
  command: optional(listOf(string)),
  created: optional(string),
  updated: optional(string),
  process: fields({ host: string, pid: integer(0) }),
  versions: optional(mapOf(string)),
  backend: optional(string),
  ranks: optional(integer(1)),
  settings: SETTINGS,
  config: optional(anyObject),
  parameters: optional(integer(0)),
  data: optional(anyObject),
  step: integer(0),
  loss: optional(nullable(finite)),
  best: optional(BEST),
  seconds: optional(finite),
});

/** The content of run.json; what it lacks has its default, and settings that there are no more are left out. @throws SsmError FILE */
export function runInfoOf(path: string, json: unknown): RunInfo {
  requireJson(path, json, RUN, FRESH);
  const info = json as RunInfo;
  const settings = Object.fromEntries(SETTING_NAMES.map((name) => [name, readSetting(name, info.settings[name])]));
  return { ...SHOWN, ...info, settings: settings as Settings };
}

function readSetting(name: SettingName, value: unknown): unknown {
  const { kind, fallback } = rowOf(name);
  return value === undefined ? fallback : kind.read(value);
}

const folderName: Check = (value, path) =>
  typeof value === 'string' && /^[^./\\][^/\\]*$/.test(value) ? undefined : { path, expected: 'the name of a folder', got: value };
const SWEEP = fields({ format: oneOf('densessm-sweep-1'), runs: listOf(fields({ name: folderName, settings: SETTINGS })) });

/** The content of sweep.json. @throws SsmError FILE */
export function sweepRunsOf(path: string, json: unknown): SweepRun[] {
  requireJson(path, json, SWEEP, 'get the file back from a copy, or begin another sweep: --out-dir');
  return (json as { runs: SweepRun[] }).runs.map(({ name, settings }) => ({ name, settings }));
}

const NOTES = fields({
  counters: fields({
    ...{ steps: integer(0), skipped: integer(0), skippedInARow: integer(0), tokens: integer(0) },
    optimizer: fields({ name: string, steps: mapOf(integer(0)) }),
    carried: listOf(() => undefined),
  }),
  course: fields({ observedAt: integer(-1), best: BEST }),
  seconds: finite,
});

/** What trainer.json tells of a run besides its files. @throws SsmError FILE */
export function trainingNotesOf(path: string, about: Readonly<Record<string, unknown>>): TrainingNotes {
  requireJson(path, about, NOTES, 'begin a new run with its weights: --init-from FOLDER');
  return about as unknown as TrainingNotes;
}

/** The files that trainer.json names, with their sizes and hashes. @throws SsmError FILE */
export function requireFileMarks(path: string, files: unknown): void {
  requireJson(path, { files }, fields({ files: mapOf(fields({ bytes: integer(0), sha256: string })) }), FRESH);
}
