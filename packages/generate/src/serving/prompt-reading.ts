import { disposeTree } from '@densessm/ssm-core';
import type { Tensor3D } from '@tensorflow/tfjs-core';
import type { ModelBundle } from '../bundle';
import { mostTokens } from '../reading/most-tokens';
import { ALL_LOGITS, LAST_LOGITS, readPiece } from '../reading/read-piece';
import { cloneState } from '../reading/rows';
import { type Logprobs, logprobsOf } from '../samplers/probabilities';

export interface ReadingPlan {
  readonly ids: readonly number[];
  /** Places, ascending, at which no chunk reaches across: what is read on either side has the same bits whether or not the state was kept there. */
  readonly borders: readonly number[];
  /** Tokens per call of the model. */
  readonly chunk: number;
  /** How many most likely tokens to tell for each place of the prompt; undefined for no scores. */
  readonly scores: number | undefined;
}

/**
 * A prompt on its way through the model, chunk by chunk, one row wide: its chunks, and so its bits, depend on the prompt alone.
 * Owns a state: dispose of it.
 */
export class PromptReading {
  readonly #bundle: ModelBundle;
  readonly #plan: ReadingPlan;
  readonly #scores: Logprobs[] = [];
  #state: unknown;
  #place: number;
  #logits: Float32Array | undefined;

  /** Begins at a place of the prompt, after a state that it takes over. */
  constructor(bundle: ModelBundle, plan: ReadingPlan, state: unknown = bundle.model.initialState(bundle.config, 1), place = 0) {
    this.#bundle = bundle;
    const logits = plan.scores === undefined ? 'last' : 'all';
    this.#plan = { ...plan, chunk: mostTokens(bundle, { state, rows: 1, logits, wanted: plan.chunk }) };
    this.#state = state;
    this.#place = place;
  }

  get place(): number {
    return this.#place;
  }

  get isDone(): boolean {
    return this.#place >= this.#plan.ids.length;
  }

  get isAtBorder(): boolean {
    return this.#plan.borders.includes(this.#place);
  }

  /** What the model expects after the prompt. [V] */
  get logits(): Float32Array {
    return this.#logits ?? new Float32Array();
  }

  /** Of each token but the first, where they were asked for. */
  get scores(): readonly Logprobs[] {
    return this.#scores;
  }

  /** The state at this place, a copy. */
  state(): unknown {
    return cloneState(this.#state);
  }

  /** Reads one chunk. */
  async step(): Promise<void> {
    const { ids, borders, chunk, scores } = this.#plan;
    const border = borders.find((place) => place > this.#place) ?? ids.length;
    const end = Math.min(this.#place + chunk, border, ids.length);
    const ending = scores === undefined ? LAST_LOGITS : ALL_LOGITS;
    const { outputs, state } = readPiece(this.#bundle, { ids: [ids.slice(this.#place, end)], state: this.#state, ending });
    disposeTree(this.#state);
    this.#state = state;
    const [tensor] = outputs as [Tensor3D];
    const vocab = tensor.shape[2];
    const logits = (await tensor.data().finally(() => tensor.dispose())) as Float32Array;
    if (scores !== undefined) this.#score(logits, vocab, end, scores);
    this.#logits = logits.slice(-vocab);
    this.#place = end;
  }

  dispose(): void {
    disposeTree(this.#state);
    this.#state = undefined;
  }

  #score(logits: Float32Array, vocab: number, end: number, count: number): void {
    for (let place = this.#place + 1; place <= end; place++) {
      const token = this.#plan.ids[place];
      const row = place - this.#place - 1;
      if (token !== undefined) this.#scores.push(logprobsOf(logits.subarray(row * vocab, (row + 1) * vocab), token, count));
    }
  }
}
