/**
 * Training with little communication, as DiLoCo (Douillard et al. 2023, arXiv:2311.08105, Alg. 1): every process takes H steps of its
 * own; then Δ = θ − mean θ_i is the gradient of an outer step with Nesterov momentum, and all go on from its result.
 * One departure: what the inner optimizers remember is averaged too, so that all processes are equal after an outer step, which makes a
 * save independent of their number.
 */
import { buildParams, namedParams, type SpecTree } from '@densessm/ssm-core';
import { type Tensor, tensor } from '@tensorflow/tfjs-core';
import type { Optimizer } from '../optimizers/optimizer';
import type { PeerSum } from './peers';
import type { HostTensor } from './types';

export interface OuterOptions {
  /** Steps that each process takes alone before an outer step. */
  every: number;
  /** 0.7 unless given. With 1 and no momentum the parameters are averaged. */
  learningRate?: number;
  /** 0.9 unless given. */
  momentum?: number;
}

export class OuterStep<P extends object> {
  /** θ, from which the processes began, and the momentum of Δ. */
  #start: Float32Array | undefined;
  #velocity: Float32Array | undefined;
  readonly #learningRate: number;
  readonly #momentum: number;

  constructor(
    { learningRate = 0.7, momentum = 0.9 }: OuterOptions,
    readonly spec: SpecTree,
    readonly sum: PeerSum,
  ) {
    this.#learningRate = learningRate;
    this.#momentum = momentum;
  }

  /** Notes the parameters that the next outer step is counted from. */
  async begin(params: P): Promise<void> {
    this.#start ??= await flatten(this.#listOf(params));
  }

  /** The parameters after the outer step, of which the caller frees the old ones. */
  async next(params: P, optimizer: Optimizer): Promise<P> {
    const list = this.#listOf(params);
    const mean = scaled(await this.sum.tensors(list), 1 / this.sum.peers.size);
    const start = this.#start ?? mean;
    this.#velocity ??= new Float32Array(start.length);
    const [velocity, rate, momentum] = [this.#velocity, this.#learningRate, this.#momentum];
    for (let i = 0; i < start.length; i++) {
      const delta = (start[i] as number) - (mean[i] as number);
      velocity[i] = momentum * (velocity[i] as number) + delta;
      start[i] = (start[i] as number) - rate * (delta + momentum * (velocity[i] as number));
    }
    this.#start = start;
    await this.#shareMoments(optimizer);
    let at = 0;
    const values = new Map([...namedParams(this.spec, params)].map(([{ name }, one]) => [name, one as Tensor] as const));
    return buildParams(this.spec, ({ name, shape }) => {
      const size = (values.get(name) as Tensor).size;
      at += size;
      return tensor(start.slice(at - size, at), [...shape]);
    }) as P;
  }

  state(): ReadonlyMap<string, HostTensor> {
    return new Map(this.#velocity ? [[VELOCITY, { shape: [this.#velocity.length], values: this.#velocity.slice() }]] : []);
  }

  load(tensors: ReadonlyMap<string, HostTensor>): void {
    const values = tensors.get(VELOCITY)?.values;
    if (values instanceof Float32Array) this.#velocity = values.slice();
  }

  #listOf(params: P): Tensor[] {
    return [...namedParams(this.spec, params)].map(([, one]) => one as Tensor);
  }

  async #shareMoments(optimizer: Optimizer): Promise<void> {
    const { tensors, counters } = optimizer.state();
    const names = Object.keys(tensors).sort();
    const steps = Object.keys(counters).sort();
    const mean = scaled(await this.sum.tensors(names.map((name) => tensors[name] as Tensor)), 1 / this.sum.peers.size);
    const counts = Float64Array.from(steps, (name) => counters[name] as number);
    await this.sum.peers.allReduce(counts, 'max');
    let at = 0;
    const shared = names.map((name) => {
      const { size, shape } = tensors[name] as Tensor;
      at += size;
      return [name, tensor(mean.slice(at - size, at), shape)] as const;
    });
    optimizer.load({
      tensors: Object.fromEntries(shared),
      counters: Object.fromEntries(steps.map((name, i) => [name, counts[i] as number])),
    });
  }
}

const VELOCITY = 'outer.velocity';

function scaled(values: Float32Array, factor: number): Float32Array {
  return values.map((value) => value * factor);
}

async function flatten(list: readonly Tensor[]): Promise<Float32Array> {
  const flat = new Float32Array(list.reduce((sum, { size }) => sum + size, 0));
  let at = 0;
  for (const one of list) {
    flat.set((await one.data()) as Float32Array, at);
    at += one.size;
  }
  return flat;
}
