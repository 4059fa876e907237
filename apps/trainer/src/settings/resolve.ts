import { usageError } from '../errors';
import { presetSettings } from './presets';
import { GIVEN, kebab, rowOf, SETTING_NAMES, type Settings, type SomeSettings } from './table';

/** Loads plugins; the name of the model that they stand for where `--model` names none. */
export type OwnModel = (plugins: readonly string[], named: string | undefined) => Promise<string | undefined>;

export interface Given {
  /** What the command line says itself. */
  readonly flags: SomeSettings;
  readonly preset?: string;
  readonly configFile?: string;
}

/**
 * What the user said, the more particular before the more general: flags, config file, the model of a plugin, preset.
 * @throws SsmError OPTION, FILE
 */
export async function givenSettings(
  { flags, preset, configFile }: Given,
  cwd: string,
  own: OwnModel = async () => undefined,
): Promise<SomeSettings> {
  const file = configFile === undefined ? undefined : await (await import('./config-file')).readConfigFile(configFile, cwd);
  const name = preset ?? file?.preset;
  const said = { ...file?.settings, ...flags };
  const model = said.plugin === undefined ? undefined : await own(said.plugin, said.model);
  return { ...(name === undefined ? {} : presetSettings(name)), ...(model !== undefined && { model }), ...said };
}

/**
 * All settings of a run, which know what was given.
 * @param own those of the run that is continued
 * @throws SsmError OPTION where some contradict each other
 */
export function completeSettings(given: SomeSettings, own: SomeSettings = {}): Settings {
  const defaults = Object.fromEntries(SETTING_NAMES.map((name) => [name, rowOf(name).fallback]));
  const names = new Set(SETTING_NAMES.filter((name) => given[name] !== undefined));
  const settings = { ...defaults, ...own, ...given, [GIVEN]: names } as Settings;
  checkTogether(settings);
  return settings;
}

/**
 * The settings of a run that goes on: its own, save what the user says anew.
 * @throws SsmError OPTION where that would make another run of it
 */
export function resumedSettings(own: SomeSettings, given: SomeSettings): Settings {
  for (const name of SETTING_NAMES) {
    const [before, now] = [own[name], given[name]];
    if (now === undefined || rowOf(name).onResume === true || JSON.stringify(before) === JSON.stringify(now)) continue;
    throw usageError(
      `--${kebab(name)} cannot change while a run goes on.`,
      `${JSON.stringify(before ?? rowOf(name).fallback) ?? 'none'}, as the run began`,
      String(JSON.stringify(now)),
      `leave --${kebab(name)} out, or start another run with --init-from CHECKPOINT`,
    );
  }
  return completeSettings(given, own);
}

function checkTogether(s: Settings): void {
  if (s.carryState && s.everyTokenOnce)
    throw contradiction('--carry-state reads the data in order', '--every-token-once shuffles its blocks');
  if (s.minLr !== undefined && s.minLr > s.learningRate)
    throw usageError('--min-lr lies above --learning-rate.', `at most ${s.learningRate}`, String(s.minLr), 'lower it, or leave it out');
  if (s.learningRate === 0) throw usageError('--learning-rate cannot be 0.', 'a number above 0', '0', 'leave it out for the default');
  checkOuterSteps(s);
  if (warmupSteps(s) > s.maxSteps)
    throw usageError('--warmup-steps has more steps than the run.', `at most ${s.maxSteps}`, String(s.warmupSteps), 'lower it');
}

/** Between two outer steps there is no one model that could be looked at or saved. */
function checkOuterSteps(s: Settings): void {
  if (s.outerSteps === 0) return;
  for (const name of ['maxSteps', 'evalInterval', 'saveInterval', 'sampleInterval'] as const) {
    const steps = s[name] ?? 0;
    if (steps % s.outerSteps === 0) continue;
    const fix = `change one of them, for example --${kebab(name)} ${Math.ceil(steps / s.outerSteps) * s.outerSteps}`;
    throw usageError(`--${kebab(name)} does not fit --outer-steps.`, `a multiple of ${s.outerSteps}`, String(steps), fix);
  }
}

const contradiction = (one: string, other: string) =>
  usageError('Two flags contradict each other.', 'one of them', `${one}; ${other}`, 'leave one of them out');

/** Steps of warm-up: as given, else by the ratio. */
export const warmupSteps = (s: Settings): number => s.warmupSteps ?? Math.round(s.warmupRatio * s.maxSteps);

/** Where the schedule ends: as given, else a tenth of the peak; transformers' polynomial schedule ends at 1e-7. */
export const minimumRate = (s: Settings): number =>
  s.minLr ?? (s.lrScheduler === 'polynomial' ? Math.min(1e-7, s.learningRate) : s.learningRate / 10);
