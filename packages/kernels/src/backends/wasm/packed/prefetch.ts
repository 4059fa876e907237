import type { Heap } from '../heap';

/** Runs with and without prefetch before one of the two is kept. */
const TRIALS = 9;
/** More bytes of weights than caches mostly hold, so that it is memory that is timed. */
const LEAST_BYTES = 2 ** 26;

/**
 * Whether a kernel that reads weights once, from first to last, prefetches the next page. It makes decoding up to a quarter faster on one processor and
 * as much slower on another, and WebAssembly does not say which it runs on. So prefetch is auto-tuned: the first 18 runs alternate, and the
 * faster setting is kept. Results are the same.
 */
export class PrefetchTuner {
  /** Of the word that kernels read: 0 for no. */
  readonly address: number;
  readonly #heap: Heap;
  readonly #now: () => number;
  /** Milliseconds per byte without and with prefetch. */
  readonly #times: readonly [number[], number[]] = [[], []];

  constructor(heap: Heap, now: () => number = () => performance.now()) {
    this.#heap = heap;
    this.#now = now;
    this.address = heap.allocate(4);
    this.#choose(1);
  }

  /** Calls `read`, which reads `bytes` bytes of weights, and times it until the setting is chosen. */
  read(bytes: number, read: () => void): void {
    const [without, withIt] = this.#times;
    if (bytes < LEAST_BYTES || without.length === TRIALS) read();
    else this.#try(withIt.length > without.length ? 0 : 1, bytes, read);
  }

  #try(setting: 0 | 1, bytes: number, read: () => void): void {
    this.#choose(setting);
    const start = this.#now();
    read();
    this.#times[setting].push((this.#now() - start) / bytes);
    const [without, withIt] = this.#times;
    if (without.length === TRIALS) this.#choose(median(without) < median(withIt) ? 0 : 1);
  }

  #choose(setting: 0 | 1): void {
    new Int32Array(this.#heap.buffer, this.address, 1)[0] = setting;
  }
}

const median = (times: readonly number[]): number => [...times].sort((a, b) => a - b)[times.length >> 1] as number;
