/** What processes that work on one thing can do together. Every member must make the same calls in the same order. */

/** Numbers that can be combined across processes. */
export type Numbers = Float32Array | Float64Array | Int32Array;

export type Operation = 'sum' | 'max' | 'min';

export interface Communicator {
  /** This process among all, from 0. */
  readonly rank: number;
  /** How many processes there are. */
  readonly size: number;
  /** How many of them share this machine, as far as the launcher tells; else 1. */
  readonly localSize: number;
  /** What was found: library, version, launcher. */
  readonly about: string;
  /** Payload that went through {@link Communicator.allReduce} and {@link Communicator.broadcast} so far, and how long this process waited for it. */
  readonly traffic: Traffic;
  /**
   * Combines the arrays of all ranks element by element, in place; every rank ends with the same bits.
   * @throws SsmError NETWORK where the others are not heard from within the timeout
   */
  allReduce(values: Numbers, operation?: Operation): Promise<void>;
  /** Every rank's bytes become those of `root`. The arrays have one length. @throws SsmError NETWORK */
  broadcast(bytes: Uint8Array, root?: number): Promise<void>;
  /** Waits until every rank has come here. @throws SsmError NETWORK */
  barrier(): Promise<void>;
  /** Waits as long as it takes for what `work` does: what other ranks prepare alone may take longer than the timeout. */
  patiently<T>(work: () => Promise<T>): Promise<T>;
  /** The last call: every rank leaves together. A library that hangs in its end is left after three seconds; end the process with `endProcess` then. */
  close(): Promise<void>;
}

export interface Traffic {
  /** Bytes of arrays, whatever the library makes of them on the wire. */
  readonly bytes: number;
  readonly calls: number;
  /** Milliseconds between the call and its end, summed over calls; those that overlap count once. */
  readonly milliseconds: number;
}
