import type { WeightType } from '@densessm/ssm-core';
import type { Heap } from '../heap';

/** Times that weights are read in either way before one is chosen. */
const TRIALS = 9;
/** More bytes of weights than caches mostly hold, so that it is memory that is timed. */
const LEAST_BYTES = 2 ** 26;

/**
 * Whether a kernel that reads weights once from first to last looks at them a page ahead. One processor decodes up to a quarter faster for it and another
 * as much slower, and WebAssembly does not say which it runs on: so the first tokens are read in either way by turns, and the faster one stays.
 * Results are the same.
 */
export class LookAhead {
  /** Of the word that kernels read: 0 for no. */
  readonly address: number;
  readonly #heap: Heap;
  readonly #now: () => number;
  /** What reading took, not looking ahead and looking. */
  readonly #times: readonly [number[], number[]] = [[], []];

  constructor(heap: Heap, now: () => number = () => performance.now()) {
    this.#heap = heap;
    this.#now = now;
    this.address = heap.allocate(4);
    this.#choose(1);
  }

  /** Calls what reads so many bytes of weights, and times it until the way is chosen. */
  read(bytes: number, read: () => void): void {
    const [plain, looking] = this.#times;
    if (bytes < LEAST_BYTES || plain.length === TRIALS) read();
    else this.#try(looking.length > plain.length ? 0 : 1, bytes, read);
  }

  #try(way: 0 | 1, bytes: number, read: () => void): void {
    this.#choose(way);
    const start = this.#now();
    read();
    this.#times[way].push((this.#now() - start) / bytes);
    const [plain, looking] = this.#times;
    if (plain.length === TRIALS) this.#choose(median(plain) < median(looking) ? 0 : 1);
  }

  #choose(way: 0 | 1): void {
    new Int32Array(this.#heap.buffer, this.address, 1)[0] = way;
  }
}

const median = (times: readonly number[]): number => [...times].sort((a, b) => a - b)[times.length >> 1] as number;

const known = new WeakMap<Heap, Map<WeightType, LookAhead>>();

/** That of weights of a type on a heap. @throws SsmError BACKEND where the heap has no room */
export function lookAheadOn(heap: Heap, type: WeightType): LookAhead {
  const ofHeap = known.get(heap) ?? new Map<WeightType, LookAhead>();
  known.set(heap, ofHeap);
  const one = ofHeap.get(type) ?? new LookAhead(heap);
  ofHeap.set(type, one);
  return one;
}
