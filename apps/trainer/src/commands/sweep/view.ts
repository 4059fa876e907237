/** How a sweep shows itself: a bar for each run that goes on where there is a terminal, else lines; for machines lines of JSON. */
import type { RunRecord } from '@densessm/train';
import type { Io } from '../../io';
import { formatCount } from '../../output/numbers';
import { bar, duration, smoothed } from '../../view/progress';
import { StatusBlock } from '../../view/status-block';

export interface RunOutcome {
  readonly name: string;
  readonly state: 'finished' | 'interrupted' | 'failed';
  /** Why it failed. */
  readonly errors?: string;
  /** The lowest held-out loss, and after how many steps. */
  readonly best?: { readonly loss: number; readonly step: number } | null;
}

/** One run as it goes. */
interface Row {
  readonly name: string;
  readonly steps: number;
  readonly loss: (value: number) => number;
  readonly seconds: (value: number) => number;
  step: number;
  shown: string;
}

const BAR = 16;

export class SweepView {
  readonly #block: StatusBlock | undefined;
  readonly #rows = new Map<string, Row>();
  #ended: number;

  /** `ended` of `total` runs were done before. */
  constructor(
    readonly io: Pick<Io, 'stdout' | 'stderr'>,
    readonly total: number,
    ended: number,
    readonly asJson: boolean,
  ) {
    this.#ended = ended;
    this.#block = io.stderr.isTTY && !asJson ? new StatusBlock(io.stderr) : undefined;
  }

  /** A line that stays. */
  say(line: string): void {
    if (this.asJson) return;
    if (this.#block) this.#block.print(line);
    else this.io.stderr.write(`${line}\n`);
  }

  /** A run of `steps` steps begins, or goes on. */
  start(name: string, steps: number, resumes: boolean): void {
    this.#rows.set(name, { name, steps, loss: smoothed(), seconds: smoothed(), step: 0, shown: 'starts' });
    if (this.#block) this.#paint();
    else this.say(`${name}  ${resumes ? 'goes on' : 'starts'}`);
  }

  record(name: string, record: RunRecord): void {
    const row = this.#rows.get(name);
    if (row === undefined) return;
    if (record.type === 'step') {
      row.step = record.step + 1;
      const seconds = row.seconds(record.seconds);
      const loss = record.skipped ? '' : `loss ${row.loss(record.loss).toFixed(3)}`;
      const left = `${duration((row.steps - row.step) * seconds)} left`;
      row.shown = [`step ${row.step}/${row.steps}`, loss, `${formatCount(record.tokens / seconds)} tokens/s`, left].join('  ');
      this.#paint();
    }
    if (record.type === 'evaluation' && !this.#block)
      this.say(`${name}  step ${record.step}/${row.steps}  held-out loss ${record.loss.toFixed(4)}`);
  }

  end(outcome: RunOutcome): void {
    const { name, state, errors = '', best } = outcome;
    this.#rows.delete(name);
    this.#ended++;
    if (this.asJson) this.io.stdout.write(`${JSON.stringify({ type: 'run', ...outcome })}\n`);
    const how = state === 'finished' && best ? `held-out loss at best ${best.loss.toFixed(4)} (step ${best.step})` : '';
    this.say([name, state, how].filter(Boolean).join('  '));
    for (const line of errors.split('\n').filter(Boolean)) this.say(`  ${line}`);
    this.#paint();
  }

  /** Takes away what is written over. */
  close(): void {
    this.#block?.clear();
  }

  #paint(): void {
    const rows = [...this.#rows.values()];
    const width = Math.max(0, ...rows.map(({ name }) => name.length));
    const lines = rows.map(({ name, step, steps, shown }) => `${bar(step / steps, BAR)}  ${name.padEnd(width)}  ${shown}`);
    const done = (this.#ended + rows.reduce((sum, { step, steps }) => sum + step / steps, 0)) / this.total;
    this.#block?.show([...lines, `${bar(done, BAR)}  ${this.#ended} of ${this.total} runs ended, ${rows.length} running`]);
  }
}
