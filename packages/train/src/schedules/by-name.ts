import { badOption } from '../options';
import {
  constantSchedule,
  cosineSchedule,
  linearSchedule,
  polynomialSchedule,
  type Schedule,
  type WarmupStableDecayOptions,
  warmupStableDecaySchedule,
} from './schedules';

/** The options of every schedule together; each takes its own. */
export interface ScheduleOptions extends WarmupStableDecayOptions {
  power?: number;
}

const SCHEDULES = {
  constant: constantSchedule,
  constant_with_warmup: constantSchedule,
  linear: linearSchedule,
  cosine: cosineSchedule,
  polynomial: polynomialSchedule,
  wsd: warmupStableDecaySchedule,
  warmup_stable_decay: warmupStableDecaySchedule,
} satisfies Record<string, (options: ScheduleOptions) => Schedule>;

export type ScheduleName = keyof typeof SCHEDULES;

export const SCHEDULE_NAMES: readonly ScheduleName[] = Object.keys(SCHEDULES) as ScheduleName[];

/** The schedule with a name of transformers', or `wsd` for short. @throws SsmError OPTION */
export function scheduleByName(name: ScheduleName, options: ScheduleOptions): Schedule {
  if (Object.hasOwn(SCHEDULES, name)) return SCHEDULES[name](options);
  throw badOption('scheduleByName', 'name', SCHEDULE_NAMES.join(', '), String(name));
}
