import { disposeTree } from '@densessm/ssm-core';
import type { ModelBundle } from '../bundle';
import { readTokens } from '../reading/read';
import { cloneState, hostValues, joinRows, selectRows } from '../reading/rows';
import type { TextRows } from './text-rows';

/** In one state of several rows, read with `advance`: texts whose states agree in what they hold beside tensors, a position for example. */
export class TensorRows implements TextRows {
  readonly #bundle: ModelBundle;
  readonly #most: number;
  #state: unknown;
  #count = 0;

  /** `most` texts at most. */
  constructor(bundle: ModelBundle, most: number) {
    this.#bundle = bundle;
    this.#most = most;
  }

  get count(): number {
    return this.#count;
  }

  admits(state: unknown): boolean {
    return this.#count === 0 || (this.#count < this.#most && hostValues(state) === hostValues(this.#state));
  }

  async join(state: unknown): Promise<boolean> {
    this.#replace(this.#count === 0 ? cloneState(state) : joinRows([this.#state, state]));
    this.#count++;
    return true;
  }

  async step(tokens: readonly number[]): Promise<readonly Float32Array[]> {
    const rows = tokens.map((token) => [token]);
    const { state, logits } = await readTokens(this.#bundle, rows, this.#state, { promptChunk: rows.length });
    this.#replace(state);
    return logits;
  }

  stateOf(row: number): unknown {
    return selectRows(this.#state, [row]);
  }

  leave(row: number): void {
    this.#count--;
    const others = Array.from({ length: this.#count }, (_, i) => (i === row ? this.#count : i));
    this.#replace(others.length > 0 ? selectRows(this.#state, others) : undefined);
  }

  dispose(): void {
    this.#replace(undefined);
  }

  #replace(state: unknown): void {
    disposeTree(this.#state);
    this.#state = state;
  }
}
