/** Training in several processes: what a trainer needs of the others, and what it does with them. */
import { disposeGrads, mapTree, SsmError, tensorsOf } from '@densessm/ssm-core';
import { type Scalar, scalar, type Tensor, tensor } from '@tensorflow/tfjs-core';
import type { MicroBatchGradients } from './gradients';

/**
 * The processes that train one model together, each on its own part of every batch: `openMpi` of `@densessm/distributed` gives them. All
 * make the same calls in the same order.
 */
export interface Peers {
  /** This process, from 0. */
  readonly rank: number;
  readonly size: number;
  /** Combines the arrays of all, element by element, in place; all end with the same bits. */
  allReduce(values: Float32Array | Float64Array, operation?: 'sum' | 'max'): Promise<void>;
  /** The bytes of all become those of `root`. */
  broadcast(bytes: Uint8Array, root: number): Promise<void>;
}

/** One process that works alone. */
export const NOBODY: Peers = { rank: 0, size: 1, allReduce: async () => undefined, broadcast: async () => undefined };

/** Numbers that go out at once: 1 MiB, while the host copies the next ones. */
const BUCKET = 2 ** 18;

/** Tensors one behind the other, in one array of the host, summed over all peers. The array is kept for the next time. */
export class PeerSum {
  #flat = new Float32Array();

  constructor(readonly peers: Peers) {}

  /** A step's gradients, each peer's share summed; frees what it is given. */
  async gradients<P extends object, State>({ loss, grads, state }: MicroBatchGradients<P, State>): Promise<MicroBatchGradients<P, State>> {
    const flat = await this.tensors([loss, ...[...tensorsOf(grads)].map(([, one]) => one)]);
    let at = 1;
    const summed = mapTree(grads, (one) => {
      at += one.size;
      return tensor(flat.slice(at - one.size, at), one.shape);
    });
    disposeGrads({ value: loss, grads });
    return { loss: scalar(flat[0] ?? Number.NaN) as Scalar, grads: summed, state };
  }

  /** The sum of float32 tensors over all peers; the array is good until the next call. */
  async tensors(list: readonly Tensor[]): Promise<Float32Array> {
    const length = list.reduce((sum, { size }) => sum + size, 0);
    if (this.#flat.length !== length) this.#flat = new Float32Array(length);
    const flat = this.#flat;
    const pending: Promise<void>[] = [];
    let [filled, sent] = [0, 0];
    const send = (end: number): void => {
      const one = this.peers.allReduce(flat.subarray(sent, end));
      one.catch(() => undefined); // waited for below
      pending.push(one);
      sent = end;
    };
    for (const one of list) {
      flat.set((await one.data()) as Float32Array, filled);
      filled += one.size;
      while (filled - sent >= BUCKET) send(sent + BUCKET);
    }
    if (filled > sent) send(filled);
    await Promise.all(pending);
    return flat;
  }
}

/** A hash of bits, in order: 32 bits, mixed as MurmurHash3 does (Appleby, public domain). */
export function hashOfBits(parts: Iterable<Float32Array | Int32Array>): number {
  let hash = 0x9747b28c;
  for (const values of parts) {
    const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
    for (let i = 0; i < words.length; i++) {
      let mixed = Math.imul(words[i] as number, 0xcc9e2d51);
      mixed = Math.imul((mixed << 15) | (mixed >>> 17), 0x1b873593);
      hash ^= mixed;
      hash = (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64) | 0;
    }
  }
  return hash >>> 0;
}

/** @throws SsmError STATE where a peer has another hash than rank 0 */
export async function requireSameHash(peers: Peers, hash: number, steps: number): Promise<void> {
  const hashes = new Float64Array(peers.size);
  hashes[peers.rank] = hash;
  await peers.allReduce(hashes);
  const others = [...hashes.keys()].filter((rank) => hashes[rank] !== hashes[0]);
  if (others.length === 0) return;
  throw new SsmError({
    code: 'STATE',
    what: `Trainer: the parameters of the ranks have drifted apart after ${steps} steps.`,
    expected: 'the same bits on every rank',
    got: `others than rank 0 on rank ${others.join(', ')}`,
    fix: 'use machines of one kind and the same versions and device everywhere, look for faulty memory, and go on from the last checkpoint',
  });
}

/** The batches of this peer: of every `size` one. */
export async function* shareOf<T>(items: AsyncIterable<T> | Iterable<T>, { rank, size }: Peers): AsyncGenerator<T> {
  let index = 0;
  for await (const item of items) if (index++ % size === rank) yield item;
}
