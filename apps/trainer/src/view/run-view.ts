import type { EvaluationRecord, RunRecord, SampleRecord, TrainingRecord } from '@densessm/train';
import { recordLine } from '@densessm/train';
import type { Io } from '../io';
import { formatCount } from '../output/numbers';
import { bar, duration, StatusLine, smoothed } from './progress';

/** What a run will take, as it was measured before the first step. */
export interface RunPlan {
  /** All steps, those done before included. */
  readonly maxSteps: number;
  /** Steps still to do. */
  readonly steps: number;
  readonly seconds: number;
  /** Of its process at the widest moment. */
  readonly bytes: number;
}

/** How a run shows itself to who started it. */
export interface RunView {
  /** A line that stays. */
  say(line: string): void;
  /** A line that says what the run will take, and the figures in it. */
  plan(line: string, plan: RunPlan): void;
  /** What is being done before the first step; the next call replaces it. */
  prepare(doing: string): void;
  /** `done` of `total` steps lie behind, with this as the lowest loss on held-out text. */
  start(done: number, total: number, best?: number): void;
  record(record: RunRecord): void;
  /** Something was lost, as the line says, and the run goes on after so many steps. */
  goOn(done: number, line: string): void;
  /** Takes away what is written over. */
  end(): void;
}

/** For machines every record as a line of JSON on stdout, else a bar on a terminal and plain lines everywhere else, on stderr. */
export function runView({ stdout, stderr }: Pick<Io, 'stdout' | 'stderr'>, options: { json: boolean; logInterval: number }): RunView {
  if (options.json) return new JsonView(stdout);
  return new TextView(stderr.isTTY ? new StatusLine(stderr) : undefined, stderr, options.logInterval);
}

class JsonView implements RunView {
  constructor(readonly stdout: Io['stdout']) {}
  say(): void {}
  plan(_: string, plan: RunPlan): void {
    this.stdout.write(`${JSON.stringify({ type: 'plan', ...plan })}\n`);
  }
  goOn(done: number, line: string): void {
    this.stdout.write(`${JSON.stringify({ type: 'goOn', step: done, message: line })}\n`);
  }
  prepare(): void {}
  start(): void {}
  end(): void {}
  record(record: RunRecord): void {
    this.stdout.write(recordLine(record));
  }
}

class TextView implements RunView {
  #done = 0;
  #total = 0;
  #best = Number.POSITIVE_INFINITY;
  readonly #loss = smoothed();
  readonly #seconds = smoothed();

  constructor(
    readonly status: StatusLine | undefined,
    readonly stderr: Io['stderr'],
    readonly logInterval: number,
  ) {}

  say(line: string): void {
    if (this.status) this.status.print(line);
    else this.stderr.write(`${line}\n`);
  }

  plan(line: string): void {
    this.say(line);
  }

  goOn(_: number, line: string): void {
    this.say(line);
  }

  prepare(doing: string): void {
    this.status?.show(doing);
  }

  start(done: number, total: number, best = Number.POSITIVE_INFINITY): void {
    this.#done = done;
    this.#total = total;
    this.#best = best;
    this.status?.clear();
  }

  record(record: RunRecord): void {
    if (record.type === 'step') this.#step(record);
    if (record.type === 'evaluation') this.#evaluation(record);
    if (record.type === 'sample') this.#sample(record);
  }

  end(): void {
    this.status?.clear();
  }

  #step(record: TrainingRecord): void {
    this.#done = record.step + 1;
    if (record.skipped) this.say(`step ${this.#done}: left out, since loss or gradient is not finite (loss ${record.loss})`);
    const loss = record.skipped ? Number.NaN : this.#loss(record.loss);
    const seconds = this.#seconds(record.seconds);
    const isDue = this.#done % this.logInterval === 0 || this.#done === this.#total;
    if (!this.status && !isDue) return;
    const speed = `${formatCount(record.tokens / seconds)} tokens/s`;
    const left = `${duration((this.#total - this.#done) * seconds)} left`;
    const place = `step ${this.#done}/${this.#total}`;
    if (this.status) this.status.show([this.#bar(), place, `loss ${loss.toFixed(3)}`, speed, left].join('  '));
    else this.say([place, `loss ${loss.toFixed(4)}`, `learning rate ${record.learningRate.toExponential(2)}`, speed, left].join('  '));
  }

  #bar(): string {
    const share = this.#done / this.#total;
    return `${bar(share, 24)} ${String(Math.floor(100 * share)).padStart(3)} %`;
  }

  #evaluation({ step, loss }: EvaluationRecord): void {
    const isBest = loss < this.#best;
    if (isBest) this.#best = loss;
    this.say(`step ${step}  held-out loss ${loss.toFixed(4)}${isBest ? '' : `, best ${this.#best.toFixed(4)}`}`);
  }

  #sample({ step, prompt, text }: SampleRecord): void {
    const lines = `${prompt}»${text}`.trim().split('\n').slice(0, 6);
    this.say(`step ${step}  sample`);
    for (const line of lines) this.say(`  │ ${line}`);
  }
}
