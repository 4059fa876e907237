import { disposeTree } from '@densessm/ssm-core';
import type { ModelBundle } from '../bundle';
import { ModelRunner, type ModelRunnerOptions } from '../reading/model-runner';
import { hostValues, joinRows, selectRows } from '../reading/rows';
import { numbersOf } from '../session/contents';
import { drawFor, type Lane } from './lane';
import { saveState } from './saved-state';

/** Rows of a decoder: one that is opened for few more costs less than to open another at each new text. */
const CAPACITIES = [1, 2, 4, 8, 16, 32];

/**
 * Texts that take their steps together. Their states agree outside their tensors; unused rows repeat one of the texts.
 * Owns memory: dispose of it.
 */
export class DecodeGroup {
  readonly #bundle: ModelBundle;
  readonly #options: ModelRunnerOptions;
  readonly #width: number;
  #runner: ModelRunner;
  #capacity = 1;
  #lanes: Lane[] = [];
  /** The row of each lane. */
  #rows: number[] = [];

  /** `width` texts at most. */
  constructor(bundle: ModelBundle, options: ModelRunnerOptions, width: number) {
    this.#bundle = bundle;
    this.#options = options;
    this.#width = width;
    this.#runner = new ModelRunner(bundle, 1, options);
  }

  get lanes(): readonly Lane[] {
    return this.#lanes;
  }

  /** Whether a text with this state of one row may join. */
  admits(state: unknown): boolean {
    if (this.#lanes.length >= this.#width) return false;
    if (this.#lanes.length === 0 || !hasNumbers(state)) return true;
    const own = this.#runner.state();
    try {
      return hostValues(own) === hostValues(state);
    } finally {
      disposeTree(own);
    }
  }

  /** Takes texts in, each with its state of one row, which stays the caller's. They fit: see {@link admits}. */
  join(joining: readonly { readonly lane: Lane; readonly state: unknown }[]): void {
    const own = this.#lanes.length === 0 ? [] : [this.#runner.state()];
    const joined = joinRows([...own, ...joining.map(({ state }) => state)]);
    disposeTree(own);
    const before = own.length * this.#capacity;
    const rows = [...this.#rows, ...joining.map((_, i) => before + i)];
    this.#lanes = [...this.#lanes, ...joining.map(({ lane }) => lane)];
    this.#arrange(joined, rows);
  }

  /** One token for each text: reads what was drawn and draws the next. Texts that have ended leave. */
  async step(): Promise<void> {
    const tokens = Array<number>(this.#capacity).fill((this.#lanes[0] as Lane).token);
    for (const [i, row] of this.#rows.entries()) tokens[row] = (this.#lanes[i] as Lane).token;
    const logits = await this.#runner.read(tokens.map((token) => [token]));
    const ended: Lane[] = [];
    const gone = new Set<Lane>();
    for (const [i, lane] of this.#lanes.entries()) {
      if (lane.isEnded) ended.push(lane);
      else if (!this.#draw(lane, logits[this.#rows[i] as number] as Float32Array)) gone.add(lane);
    }
    for (const lane of ended) await this.#save(lane);
    this.drop((lane) => gone.has(lane) || ended.includes(lane));
  }

  #draw(lane: Lane, logits: Float32Array): boolean {
    try {
      return drawFor(lane, logits);
    } catch (error) {
      lane.ticket.fail(error);
      return false;
    }
  }

  async #save(lane: Lane): Promise<void> {
    const all = this.#runner.state();
    const own = selectRows(all, [this.#rows[this.#lanes.indexOf(lane)] as number]);
    disposeTree(all);
    const state = await saveState(own, lane.history.record()).finally(() => disposeTree(own));
    lane.ticket.emit({ type: 'state', row: lane.row, state });
    lane.ticket.endLane();
  }

  /** Lets texts go. */
  drop(leaves: (lane: Lane) => boolean): void {
    const staying = this.#lanes.flatMap((lane, i) => (leaves(lane) ? [] : [i]));
    if (staying.length === this.#lanes.length) return;
    this.#lanes = staying.map((i) => this.#lanes[i] as Lane);
    this.#rows = staying.map((i) => this.#rows[i] as number);
    if (staying.length > 0 && !this.#fits(staying.length)) this.#arrange(this.#runner.state(), this.#rows);
  }

  dispose(): void {
    this.#runner.dispose();
  }

  /** Puts the given rows of a state, which it takes over, into a decoder of fitting size. */
  #arrange(state: unknown, rows: readonly number[]): void {
    const capacity = this.#fits(rows.length) ? this.#capacity : this.#capacityFor(rows.length);
    const places = Array.from({ length: capacity }, (_, i) => rows[i] ?? (rows[0] as number));
    const arranged = selectRows(state, places);
    disposeTree(state);
    this.#rows = rows.map((_, i) => i);
    if (capacity === this.#capacity) {
      this.#runner.replace(arranged);
      return;
    }
    const runner = new ModelRunner(this.#bundle, capacity, this.#options, arranged);
    runner.useWeightsOf(this.#runner);
    this.#runner.dispose();
    this.#runner = runner;
    this.#capacity = capacity;
  }

  /** Whether the decoder at hand is neither too small nor, for one text more, too large. */
  #fits(count: number): boolean {
    return count <= this.#capacity && this.#capacityFor(count + 1) >= this.#capacity;
  }

  #capacityFor(count: number): number {
    return Math.min(this.#width, CAPACITIES.find((capacity) => capacity >= count) ?? this.#width);
  }
}

/** Whether a state holds numbers beside its tensors, such as a position. */
const hasNumbers = (state: unknown): boolean => Object.keys(numbersOf(state)).length > 0;
