import type { TrainSettings } from './settings';

/** Window of the moving average of the speed, in steps. */
const SMOOTHING = 10;

/** How fast a run goes. */
export class Pace {
  #secondsPerStep: number | undefined;
  #pauses = 0;
  #paused = 0;

  step(seconds: number): void {
    this.#secondsPerStep =
      this.#secondsPerStep === undefined ? seconds : this.#secondsPerStep + (seconds - this.#secondsPerStep) / SMOOTHING;
  }

  /** An evaluation with its samples. */
  pause(seconds: number): void {
    this.#pauses++;
    this.#paused += seconds;
  }

  get secondsPerStep(): number {
    return this.#secondsPerStep ?? Number.NaN;
  }

  /** Until the last step, with evaluations and samples. */
  secondsLeft(
    done: number,
    { maxSteps, evalInterval, sampleInterval }: Pick<TrainSettings, 'maxSteps' | 'evalInterval' | 'sampleInterval'>,
  ): number {
    const every = Math.min(...[evalInterval, sampleInterval].filter((interval) => interval > 0), maxSteps);
    const pausesLeft = Math.ceil((maxSteps - done) / every);
    const perPause = this.#pauses > 0 ? this.#paused / this.#pauses : 0;
    return (maxSteps - done) * this.secondsPerStep + pausesLeft * perPause;
  }
}
