import { disposeTree } from '@densessm/ssm-core';
import { drawFor, type Lane } from './lane';
import { saveState } from './saved-state';
import type { TextRows } from './text-rows';

/** Texts that take their steps together. Owns the rows: dispose of it. */
export class DecodeGroup {
  readonly #rows: TextRows;
  /** By their rows. */
  readonly #lanes: Lane[] = [];
  /** Those of them that are over, until they have left. */
  readonly #gone = new Set<Lane>();

  constructor(rows: TextRows) {
    this.#rows = rows;
  }

  get lanes(): readonly Lane[] {
    return this.#lanes.filter((lane) => !this.#gone.has(lane));
  }

  /** Whether a text with this state of one row may join. */
  admits(state: unknown): boolean {
    return this.#rows.admits(state);
  }

  /** Takes a text in with its state of one row, which stays the caller's; see {@link admits}. False where there was no room for it. */
  async join(lane: Lane, state: unknown): Promise<boolean> {
    const hasJoined = await this.#rows.join(state);
    if (hasJoined) this.#lanes.push(lane);
    return hasJoined;
  }

  /** Takes a text out between two steps, with its state of one row, which is the caller's from then on. */
  takeOut(lane: Lane): unknown {
    const state = this.#rows.stateOf(this.#lanes.indexOf(lane));
    this.drop((one) => one === lane);
    return state;
  }

  /** One token for each text: reads what was drawn and draws the next. Texts that have ended leave. */
  async step(): Promise<void> {
    const logits = await this.#rows.step(this.#lanes.map(({ drawn }) => drawn.at(-1) as number));
    for (const [row, lane] of this.#lanes.entries()) {
      if (lane.isEnded) {
        await this.#save(lane, row);
        this.#gone.add(lane);
      } else if (!this.#draw(lane, logits[row] as Float32Array)) this.#gone.add(lane);
    }
    this.drop((lane) => this.#gone.has(lane));
    this.#gone.clear();
  }

  #draw(lane: Lane, logits: Float32Array): boolean {
    try {
      return drawFor(lane, logits);
    } catch (error) {
      lane.ticket.fail(error);
      return false;
    }
  }

  async #save(lane: Lane, row: number): Promise<void> {
    const own = this.#rows.stateOf(row);
    const state = await saveState(own, lane.history.record()).finally(() => disposeTree(own));
    lane.ticket.emit({ type: 'state', row: lane.row, state });
    lane.ticket.endLane();
  }

  /** Lets texts go; the last one takes the row of each that goes. */
  drop(leaves: (lane: Lane) => boolean): void {
    for (let row = this.#lanes.length - 1; row >= 0; row--) {
      if (!leaves(this.#lanes[row] as Lane)) continue;
      this.#rows.leave(row);
      const last = this.#lanes.pop() as Lane;
      if (row < this.#lanes.length) this.#lanes[row] = last;
    }
  }

  dispose(): void {
    this.#rows.dispose();
  }
}
