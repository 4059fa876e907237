import type { TensorInfo } from '@tensorflow/tfjs-core';
import { gpuChoices } from '../../../backends/webgpu/choices';
import type { Gpu } from '../../../backends/webgpu/gpu';
import { inParts, type Parting } from '../../../backends/webgpu/in-parts';
import { type GpuKernel, groupsOf } from '../../../backends/webgpu/specialize';
import { sumOf } from '../../../backends/webgpu/tfjs-patches/sum';
import { type DecayScanGradAttrs, type DecayScanGradInputs, decayScanGrad } from '../gradient';
import type { DecayScanAttrs, DecayScanInputs } from '../inputs';
import { decayScan } from '../kernel';
import { attendProgram, COLUMNS } from './attend';
import { decayGradientProgram } from './decay-gradient';
import { CHUNK, prepareProgram, wholeProgram } from './program';
import { carry, gainProgram, STATE_TILE } from './states';
import { mostOf, tiledScan, tiledScanGradients } from './tiled';

const widthsOf = ({ q, v }: DecayScanInputs): number => q.shape[3] * v.shape[3];

/** Whether the products of long chunks, on the tiles of matMul, are faster than short ones of our own. */
const isWide = (inputs: DecayScanInputs): boolean => widthsOf(inputs) >= gpuChoices.tiledScanFrom;

/**
 * The most tokens of a chunk of such products. On one H200, 2 × 2,048 tokens, forward and with the backward pass: 12 heads of 64 × 128 take 0.57 to 0.88 and 4.3 to
 * 4.4 ms in chunks of 64, 128 and 256, 0.57 and 7.8 in short ones of our own; 2 heads of 384 × 1,536 take 0.92 and 10.1 ms in chunks of 128, 0.96 and 9.9 in chunks of
 * 256, and 1.1 and 10.2 in chunks of 512, whose products between tokens are twice as large.
 */
const chunkOf = (inputs: DecayScanInputs): number => gpuChoices.tiledScanChunk ?? (widthsOf(inputs) <= 2 ** 14 ? 128 : 256);

/** Whether the states of all chunks are more than the device binds at a time: then the reference goes from chunk to chunk. */
const isTooLarge = (gpu: Gpu, inputs: DecayScanInputs): boolean => mostOf(inputs, chunkOf(inputs)) > gpu.mostValues;
const LONG_CHUNK = 512;

type Name = 'SsmDecayScan' | 'SsmDecayScanGrad';

/** One call: its sizes and its decays. */
class Call {
  readonly sizes: Readonly<Record<'T' | 'H' | 'K' | 'V' | 'heads' | 'chunks', number>>;
  readonly tokens: TensorInfo;
  readonly wholes: TensorInfo;

  constructor(
    private readonly gpu: Gpu,
    private readonly name: Name,
    { q, v, logDecay, documentStarts }: DecayScanInputs,
  ) {
    const [B, T, H, K] = q.shape;
    const chunks = Math.ceil(T / CHUNK);
    this.sizes = { T, H, K, V: v.shape[3], heads: B * H, chunks };
    this.tokens = gpu.tensor([B * H, chunks * CHUNK, 2]);
    this.wholes = gpu.tensor([B * H, chunks]);
    const [of, count] = [B * H * chunks * CHUNK, B * H * chunks];
    const prepare = prepareProgram({ name, constant: logDecay.rank === 1, documentStarts: documentStarts !== undefined });
    const given = { logDecay, ...(documentStarts && { documentStarts }) };
    gpu.run(prepare, { inputs: given, outputs: { tokens: this.tokens }, params: { T, H, chunks, count: of }, groups: groupsOf(of) });
    const outputs = { wholes: this.wholes };
    gpu.run(wholeProgram({ name }), { inputs: { tokens: this.tokens }, outputs, params: { count }, groups: groupsOf(count) });
  }

  /** The state that each chunk meets, [B·H, chunks, K, V], and the one that leaves the last; `back`, their gradients from the last to the first. */
  states(a: TensorInfo, b: TensorInfo, back: boolean, initial?: TensorInfo): [states: TensorInfo, last: TensorInfo] {
    const { gpu, name, sizes, tokens, wholes } = this;
    const { H, K, V, heads, chunks } = sizes;
    const gained = gpu.tensor([heads * chunks, K, V]);
    const [tilesK, tilesV] = [groupsOf(K, STATE_TILE), groupsOf(V, STATE_TILE)];
    gpu.run(gainProgram({ name, back }), {
      inputs: { a, b, tokens },
      outputs: { gained },
      params: { ...sizes, tilesV },
      groups: heads * chunks * tilesK * tilesV,
    });
    return carry(gpu, { name, wholes, gained, back, initial, H });
  }

  /** See {@link attendProgram}. */
  attend(a: TensorInfo, b: TensorInfo, c: TensorInfo, states: TensorInfo, way: { later: boolean; transposed: boolean }): TensorInfo {
    const { gpu, name, sizes, tokens } = this;
    const out = gpu.tensor(c.shape);
    const [inner, width] = [a.shape[3] as number, c.shape[3] as number];
    gpu.run(attendProgram({ name, ...way }), {
      inputs: { a, b, c, tokens, states },
      outputs: { out },
      params: { ...sizes, inner, width },
      groups: sizes.heads * sizes.chunks * groupsOf(width, COLUMNS),
    });
    return out;
  }

  end(...others: TensorInfo[]): void {
    this.gpu.free(this.tokens, this.wholes, ...others);
  }
}

const scan: GpuKernel<DecayScanInputs, DecayScanAttrs> = {
  run: (gpu, inputs, attrs) => {
    if (isWide(inputs)) {
      if (isTooLarge(gpu, inputs)) return decayScan.definition.reference(inputs, { ...attrs, chunkSize: LONG_CHUNK });
      return tiledScan(gpu, inputs, chunkOf(inputs));
    }
    const { q, k, v, s0 } = inputs;
    const call = new Call(gpu, 'SsmDecayScan', inputs);
    const [states, sT] = call.states(k, v, false, s0);
    const o = call.attend(q, k, v, states, { later: false, transposed: false });
    call.end(states);
    return [o, sT];
  },
};

const gradients: GpuKernel<DecayScanGradInputs, DecayScanGradAttrs> = {
  run: (gpu, inputs, attrs) => {
    const { withDecay } = attrs;
    if (isWide(inputs)) {
      if (isTooLarge(gpu, inputs)) return decayScanGrad.definition.reference(inputs, { ...attrs, chunkSize: LONG_CHUNK });
      return tiledScanGradients(gpu, inputs, withDecay, chunkOf(inputs));
    }
    const { q, k, v, s0, dO, dST } = inputs;
    const call = new Call(gpu, 'SsmDecayScanGrad', inputs);
    const [states, sT] = call.states(k, v, false, s0);
    const [after, ds0] = call.states(q, dO, true, dST);
    const dq = call.attend(dO, v, k, states, { later: false, transposed: true });
    const dk = call.attend(v, dO, q, after, { later: true, transposed: true });
    const dv = call.attend(k, q, dO, after, { later: true, transposed: false });
    const gradients = [dq, dk, dv, ds0];
    if (withDecay) gradients.push(gradientOfDecay(gpu, call, inputs, states, after));
    call.end(states, sT, after);
    return gradients;
  },
};

function gradientOfDecay(gpu: Gpu, call: Call, inputs: DecayScanGradInputs, states: TensorInfo, after: TensorInfo): TensorInfo {
  const { q, k, v, dO, logDecay } = inputs;
  const { sizes, tokens } = call;
  const [B, T, H] = q.shape;
  const out = gpu.tensor([B, T, H]);
  gpu.run(decayGradientProgram({ name: 'SsmDecayScanGrad' }), {
    inputs: { q, k, v, dO, states, after, tokens },
    outputs: { out },
    params: sizes,
    groups: sizes.heads * sizes.chunks,
  });
  if (logDecay.rank !== 1) return out;
  const sum = sumOf(gpu, out, { outer: 1, length: B * T, inner: H }, [H]);
  gpu.free(out);
  return sum;
}

/** Texts by texts, where they are more than the device binds at a time. */
const byTexts = <I extends DecayScanInputs, A>(outputs: Parting<I, A>['outputs']): Parting<I, A> => ({
  inputs: ({ logDecay }) => ({ q: 0, k: 0, v: 0, ...(logDecay.rank > 1 && { logDecay: 0 }), s0: 0, documentStarts: 0, dO: 0, dST: 0 }),
  outputs,
  length: ({ q }) => q.shape[0],
  valuesOfOne: (inputs) => {
    const [B, T, H, K] = inputs.q.shape;
    const V = inputs.v.shape[3];
    if (isWide(inputs)) return mostOf(inputs, chunkOf(inputs)) / B;
    return H * Math.max(T * Math.max(K, V, 2), Math.ceil(T / CHUNK) * Math.max(K * V, 2 * CHUNK));
  },
});

export const decayScanOnGpu = inParts(
  scan,
  byTexts<DecayScanInputs, DecayScanAttrs>(() => [0, 0]),
);
export const decayScanGradOnGpu = inParts(
  gradients,
  byTexts<DecayScanGradInputs, DecayScanGradAttrs>(({ logDecay }, { withDecay }) => [
    ...[0, 0, 0, 0],
    ...(withDecay ? [logDecay.rank > 1 ? 0 : ('summed' as const)] : []),
  ]),
);
