/** The decay scan of wide heads in products of all chunks at a time, on the tiles of matMul: a few dispatches, however many chunks there are. */
import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { Gpu } from '../../../backends/webgpu/gpu';
import { groupsOf, sizeOf } from '../../../backends/webgpu/specialize';
import { sumOf } from '../../../backends/webgpu/tfjs-patches/sum';
import { matMulInto, matMulOf } from '../../matmul/webgpu/kernel';
import type { DecayScanGradInputs } from '../gradient';
import type { DecayScanInputs } from '../inputs';
import { carry } from './states';
import {
  acrossProgram,
  crossingProgram,
  cutProgram,
  decaysProgram,
  joinProgram,
  type Scaling,
  suffixProgram,
  THROUGH_PART,
  throughProgram,
  WEIGHED_COLUMNS,
  WEIGHED_ROWS,
  weighProgram,
} from './tiled-programs';

const [AS_IS, A_TRANSPOSED, B_TRANSPOSED] = [
  { transposeA: false, transposeB: false },
  { transposeA: true, transposeB: false },
  { transposeA: false, transposeB: true },
];

/** T tokens in chunks of about the same length, a multiple of four and at most `most`. */
function chunksOf(T: number, most: number): { chunks: number; C: number } {
  const C = 4 * Math.ceil(T / Math.ceil(T / most) / 4);
  return { chunks: Math.ceil(T / C), C };
}

/** The most values that a tensor of a call has. */
export function mostOf({ q, v }: DecayScanInputs, most: number): number {
  const [B, T, H, K] = q.shape;
  const { chunks, C } = chunksOf(T, most);
  return B * H * chunks * Math.max(C * C, C * K, C * v.shape[3], K * v.shape[3]);
}

/** Tokens of a chunk, as they are and times their decays. */
interface Cut {
  readonly plain: TensorInfo;
  readonly scaled: TensorInfo;
}

/** One call: its sizes, its decays, and what it will free. Chunks of all heads are [B·H, chunks, C, width]. */
class Call {
  private readonly sizes: Readonly<Record<'T' | 'H' | 'chunks' | 'C', number>>;
  private readonly heads: number;
  private readonly decays: TensorInfo;
  private readonly isConstant: boolean;
  private readonly own: TensorInfo[] = [];
  readonly wholes: TensorInfo;

  constructor(
    private readonly gpu: Gpu,
    private readonly name: 'SsmDecayScan' | 'SsmDecayScanGrad',
    { q, logDecay, documentStarts }: DecayScanInputs,
    most: number,
  ) {
    const [B, T, H] = q.shape;
    const { chunks, C } = chunksOf(T, most);
    this.sizes = { T, H, chunks, C };
    this.heads = B * H;
    this.isConstant = logDecay.rank === 1;
    this.decays = this.keep(gpu.tensor([B * H, chunks, C, 4]));
    this.wholes = this.keep(gpu.tensor([B * H, chunks]));
    const count = B * H * chunks * C;
    gpu.run(decaysProgram({ name, constant: this.isConstant, documentStarts: documentStarts !== undefined }), {
      inputs: { logDecay, ...(documentStarts && { documentStarts }) },
      outputs: { decays: this.decays, wholes: this.wholes },
      params: { ...this.sizes, count },
      groups: groupsOf(count),
    });
  }

  private keep(x: TensorInfo): TensorInfo {
    this.own.push(x);
    return x;
  }

  /** Frees what was made but not given away. */
  end(): void {
    this.gpu.free(...this.own);
  }

  cut(x: TensorInfo, scaling: Exclude<Scaling, 'none'>): Cut;
  cut(x: TensorInfo, scaling: 'none'): { plain: TensorInfo };
  cut(x: TensorInfo, scaling: Scaling): { plain: TensorInfo; scaled?: TensorInfo } {
    const { gpu, name, sizes, heads, decays } = this;
    const width = x.shape[3] as number;
    const shape = [heads * sizes.chunks, sizes.C, width];
    const plain = this.keep(gpu.tensor(shape));
    const scaled = scaling === 'none' ? undefined : this.keep(gpu.tensor(shape));
    const wide = width % 4 === 0;
    const count = sizeOf(plain) / (wide ? 4 : 1);
    gpu.run(cutProgram({ name, wide, scaling }), {
      inputs: { x, ...(scaled && { decays }) },
      outputs: { y: plain, ...(scaled && { scaled }) },
      params: { ...sizes, width: wide ? width / 4 : width, count },
      groups: groupsOf(count),
    });
    return { plain, scaled };
  }

  /** The products of all chunks, to be freed at the end. */
  product(a: TensorInfo, b: TensorInfo, attrs = AS_IS): TensorInfo {
    return this.keep(matMulOf(this.gpu, a, b, attrs));
  }

  /** Adds products of all chunks to what is there. */
  add(c: TensorInfo, a: TensorInfo, b: TensorInfo, attrs = AS_IS): void {
    matMulInto(this.gpu, a, b, attrs, { c, accumulate: true });
  }

  /** Of what the tokens of each chunk add, which is freed, the state that each chunk meets, and the one that leaves the last, [B, H, K, V]; `back`, from the last to the first. */
  carry(gained: TensorInfo, back: boolean, initial?: TensorInfo): [states: TensorInfo, last: TensorInfo] {
    const { gpu, name, wholes, sizes } = this;
    const [states, last] = carry(gpu, { name, wholes, gained, back, initial, H: sizes.H });
    return [this.keep(states), last];
  }

  /** Multiplies products between tokens by their decays: see {@link weighProgram}. */
  weigh(outputs: { w: TensorInfo; d?: TensorInfo; x?: TensorInfo }): void {
    const { C } = this.sizes;
    const kind = outputs.x ? 'exponents' : outputs.d ? 'gradients' : 'outputs';
    const [slices, blocks] = [groupsOf(C, WEIGHED_ROWS), groupsOf(C, WEIGHED_COLUMNS)];
    this.gpu.run(weighProgram({ name: this.name, constant: this.isConstant, kind }), {
      inputs: { decays: this.decays },
      outputs: outputs as Record<string, TensorInfo>,
      params: { C, slices, blocks },
      groups: this.heads * this.sizes.chunks * slices * blocks,
    });
  }

  /** Back to [B, T, H, width]. */
  join(x: TensorInfo): TensorInfo {
    const { gpu, name, sizes, heads } = this;
    const width = x.shape[2] as number;
    const y = gpu.tensor([heads / sizes.H, sizes.T, sizes.H, width]);
    const wide = width % 4 === 0;
    const count = sizeOf(y) / (wide ? 4 : 1);
    const params = { ...sizes, width: wide ? width / 4 : width, count };
    gpu.run(joinProgram({ name, wide }), { inputs: { x }, outputs: { y }, params, groups: groupsOf(count) });
    return y;
  }

  /** The gradient of ln a: of the exponents between tokens X, and of what reaches them across chunks. */
  gradientOfDecay({ x, q, dq, k, dk, states, after }: Record<'x' | 'q' | 'dq' | 'k' | 'dk' | 'states' | 'after', TensorInfo>): TensorInfo {
    const { gpu, sizes, heads, wholes } = this;
    const places = heads * sizes.chunks;
    const across = this.keep(gpu.tensor([places, sizes.C, 2]));
    const [, K, V] = states.shape as [number, number, number];
    const parts = groupsOf(K * V, THROUGH_PART);
    const through = this.keep(gpu.tensor([places, parts]));
    gpu.run(acrossProgram, { inputs: { q, dq, k, dk }, outputs: { across }, params: { K }, groups: places * sizes.C });
    const ofParts = { size: K * V, parts };
    gpu.run(throughProgram, { inputs: { states, after, wholes }, outputs: { through }, params: ofParts, groups: places * parts });
    const count = places * sizes.C;
    gpu.run(suffixProgram, { inputs: {}, outputs: { x }, params: { C: sizes.C, count }, groups: groupsOf(count) });
    const [B, T, H] = [heads / sizes.H, sizes.T, sizes.H];
    const out = gpu.tensor([B, T, H]);
    gpu.run(crossingProgram, { inputs: { x, across, through }, outputs: { out }, params: { ...sizes, parts }, groups: B * T * H });
    if (!this.isConstant) return out;
    return sumOf(gpu, this.keep(out), { outer: 1, length: B * T, inner: H }, [H]);
  }

  /** A tensor of products between tokens. */
  between(): TensorInfo {
    const { chunks, C } = this.sizes;
    return this.keep(this.gpu.tensor([this.heads * chunks, C, C]));
  }
}

/** o and sT, by the equations at `chunkOutput`, from chunks of at most `most` tokens. */
export function tiledScan(gpu: Gpu, inputs: DecayScanInputs, most: number): TensorInfo[] {
  const call = new Call(gpu, 'SsmDecayScan', inputs, most);
  const [q, k, v] = [call.cut(inputs.q, 'fromStart'), call.cut(inputs.k, 'toEnd'), call.cut(inputs.v, 'none').plain];
  const [states, sT] = call.carry(matMulOf(gpu, k.scaled, v, A_TRANSPOSED), false, inputs.s0);
  const w = call.product(q.plain, k.plain, B_TRANSPOSED);
  call.weigh({ w });
  const o = call.product(w, v);
  call.add(o, q.scaled, states);
  const joined = call.join(o);
  call.end();
  return [joined, sT];
}

/** The gradients of q, k, v, s0 and, `withDecay`, of logDecay, by the equations at `chunkGradients`. */
export function tiledScanGradients(gpu: Gpu, inputs: DecayScanGradInputs, withDecay: boolean, most: number): TensorInfo[] {
  const call = new Call(gpu, 'SsmDecayScanGrad', inputs, most);
  const [q, k] = [call.cut(inputs.q, 'fromStart'), call.cut(inputs.k, 'toEnd')];
  const [v, dO] = [call.cut(inputs.v, 'toEnd'), call.cut(inputs.dO, 'fromStart')];
  const [states, sT] = call.carry(matMulOf(gpu, k.scaled, v.plain, A_TRANSPOSED), false, inputs.s0);
  const [after, ds0] = call.carry(matMulOf(gpu, q.scaled, dO.plain, A_TRANSPOSED), true, inputs.dST);
  const w = call.product(q.plain, k.plain, B_TRANSPOSED);
  const d = call.product(dO.plain, v.plain, B_TRANSPOSED);
  const x = withDecay ? call.between() : undefined;
  call.weigh({ w, d, ...(x && { x }) });
  const dq = call.product(dO.scaled, states, B_TRANSPOSED);
  const dk = call.product(v.scaled, after, B_TRANSPOSED);
  const dLogDecay = x && call.gradientOfDecay({ x, q: q.plain, dq, k: k.plain, dk, states, after });
  call.add(dq, d, k.plain);
  call.add(dk, d, q.plain, A_TRANSPOSED);
  const dv = call.product(w, dO.plain, A_TRANSPOSED);
  call.add(dv, k.scaled, after);
  const gradients = [dq, dk, dv].map((one) => call.join(one));
  call.end();
  gpu.free(sT);
  return [...gradients, ds0, ...(dLogDecay ? [dLogDecay] : [])];
}
