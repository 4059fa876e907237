import type { TrainingCounters } from '@densessm/train';
import type { Best } from './run-info';

/** What a checkpoint keeps of the course itself. */
export interface CourseState {
  /** Steps after which evaluation and sample were made last. */
  readonly observedAt: number;
  readonly best: Best | null;
}

/** What the manifest of a training checkpoint tells besides its files. */
export interface TrainingNotes {
  readonly counters: TrainingCounters;
  readonly course: CourseState;
  /** Time spent training until then. */
  readonly seconds: number;
}
