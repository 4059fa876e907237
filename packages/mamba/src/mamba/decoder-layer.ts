/**
 * One layer of Mamba or DenseMamba for one token: the equations of mixer.ts on packed weights, without tfjs.
 * Letters: B texts, D hidden size, E channels, N state size per channel, R rank of Δ, W convolution width.
 */
import { denseSources } from '@densessm/dense-connect';
import type { DecodeWorkspace, PackedLinear } from '@densessm/kernels';
import type { DecoderOptions } from '@densessm/ssm-core';
import type { Tensor } from '@tensorflow/tfjs-core';
import type { MambaConfig } from './config';
import type { MambaMixerParams, MambaParams } from './spec';

/** Addresses of what all layers work in, for B texts. */
export interface Buffers {
  /** [B, D]: the residual stream, and its norm. */
  hidden: number;
  x: number;
  /** [B, 2 E], [B, E], [B, R], [B, 2 N], [B, E] three times. */
  xz: number;
  u: number;
  low: number;
  bc: number;
  delta: number;
  gate: number;
  y: number;
  /** Inside the gate, [B, r]. */
  middle: number;
}

export interface DecoderLayer {
  norm: number;
  inProj: PackedLinear;
  filter: number;
  filterBias: number;
  lowProj: PackedLinear;
  bcProj: PackedLinear;
  dtProj: PackedLinear;
  A: number;
  D: number;
  outProj: PackedLinear;
  /** fc1 and fc2 of an mlp, fc of a linear gate, nothing without one. */
  gate: PackedLinear[];
  /** Addresses of the states of the layers that this one reads, and how many. */
  sources: number;
  sourceCount: number;
  /** [B, E, W−1] and [B, E, N]. */
  conv: number;
  ssm: number;
}

const valuesOf = async (tensor: Tensor): Promise<Float32Array> => (await tensor.data()) as Float32Array;
const biasOf = (tensor: Tensor | undefined): Promise<Float32Array> | undefined => tensor && valuesOf(tensor);

/**
 * Packs a layer. What makes Δ and the gates stays in bfloat16 where the rest are whole numbers: it is small, and every state hangs on it.
 * `below` are the layers before it.
 */
export async function packLayer(
  work: DecodeWorkspace,
  { norm, mixer }: MambaParams['layers'][number],
  c: MambaConfig,
  { weights, batch }: DecoderOptions,
  below: readonly DecoderLayer[],
): Promise<DecoderLayer> {
  const { hiddenSize: D, innerSize: E, stateSize: N, timeStepRank: R, convKernel: W } = c;
  const small = weights === 'f32' ? 'f32' : 'bf16';
  const [xProj, aLog] = [await valuesOf(mixer.xProj), await valuesOf(mixer.aLog)];
  const filterBias = await biasOf(mixer.conv1d.bias);
  const sources = c.dense ? denseSources(c.dense, below.length).map((l) => (below[l] as DecoderLayer).ssm) : [];
  return {
    norm: work.floats(await valuesOf(norm)),
    inProj: work.linear(await valuesOf(mixer.inProj.weight), [2 * E, D], { type: weights, bias: await biasOf(mixer.inProj.bias) }),
    filter: work.floats(await valuesOf(mixer.conv1d.weight)),
    filterBias: filterBias ? work.floats(filterBias) : 0,
    lowProj: work.linear(xProj.subarray(0, R * E), [R, E], { type: weights }),
    bcProj: work.linear(xProj.subarray(R * E), [2 * N, E], { type: weights }),
    dtProj: work.linear(await valuesOf(mixer.dtProj.weight), [E, R], { type: small, bias: await biasOf(mixer.dtProj.bias) }),
    A: work.floats(aLog.map((value) => -Math.exp(value) * Math.LOG2E)),
    D: work.floats(await valuesOf(mixer.D)),
    outProj: work.linear(await valuesOf(mixer.outProj.weight), [D, E], { type: weights, bias: await biasOf(mixer.outProj.bias) }),
    gate: await packGate(work, mixer, small),
    sources: work.words(sources),
    sourceCount: sources.length,
    conv: work.floats(batch * E * (W - 1)),
    ssm: work.floats(batch * E * N),
  };
}

async function packGate(work: DecodeWorkspace, { dense }: MambaMixerParams, type: 'f32' | 'bf16'): Promise<PackedLinear[]> {
  const packed: PackedLinear[] = [];
  for (const matrix of [dense.state?.fc1, dense.state?.fc2, dense.state?.fc]) {
    if (matrix) packed.push(work.linear(await valuesOf(matrix), matrix.shape, { type }));
  }
  return packed;
}

/** hidden += mixer(norm(hidden)); the layer's state becomes that after the token. */
export function stepLayer(work: DecodeWorkspace, layer: DecoderLayer, at: Buffers, c: MambaConfig, batch: number): void {
  const { hiddenSize, innerSize: channels, stateSize, convKernel } = c;
  work.rmsNorm(at.hidden, layer.norm, at.x, batch, hiddenSize, c.layerNormEpsilon);
  layer.inProj.run(at.x, at.xz, batch);
  work.convolution(
    { x: at.xz, w: layer.filter, bias: layer.filterBias, tail: layer.conv, y: at.u },
    { stride: 2 * channels, batch, channels, width: convKernel },
  );
  layer.lowProj.run(at.u, at.low, batch);
  layer.bcProj.run(at.u, at.bc, batch);
  layer.dtProj.run(at.low, at.delta, batch);
  openGate(work, layer, at, batch);
  const { sources, sourceCount, A, D, ssm: h } = layer;
  const gate = layer.gate.length > 0 ? at.gate : 0;
  const z = { z: at.xz + 4 * channels, zStride: 2 * channels };
  work.selective({ ...at, ...z, A, D, h, sources, sourceCount, gate, batch, channels, stateSize });
  layer.outProj.run(at.y, at.hidden, batch, true);
}

/** gate = SiLU(fc2 SiLU(fc1 x)), or SiLU(fc x). */
function openGate(work: DecodeWorkspace, { gate }: DecoderLayer, at: Buffers, batch: number): void {
  let from = at.x;
  for (const [i, linear] of gate.entries()) {
    const to = i === gate.length - 1 ? at.gate : at.middle;
    linear.run(from, to, batch);
    work.silu(to, batch * linear.out);
    from = to;
  }
}
