/**
 * One layer of Mamba or DenseMamba for one token: the equations of mixer.ts on packed weights, without tfjs.
 * Letters: B texts, D hidden size, E channels, N state size per channel, R rank of Δ, W convolution width.
 */
import { denseSources } from '@densessm/dense-connect';
import type { DecodeWorkspace, PackedLinear, WeightType } from '@densessm/kernels';
import type { DecoderOptions } from '@densessm/ssm-core';
import type { MambaConfig } from './config';
import type { MambaMixerParams, MambaParams } from './spec';

/** Addresses of what all layers work in, for B texts. */
export interface Buffers {
  /** [B, D]: the residual stream, and its norm. */
  hidden: number;
  x: number;
  /** [B, 2 E], [B, E], [B, R + 2 N], [B, E] three times. */
  xz: number;
  u: number;
  selection: number;
  delta: number;
  gate: number;
  y: number;
  /** Inside the gate, [B, r]. */
  middle: number;
}

interface Projection {
  weight: PackedLinear;
  /** Address, or 0. */
  bias: number;
}

export interface DecoderLayer {
  norm: number;
  inProj: Projection;
  filter: number;
  filterBias: number;
  /** Low rank of Δ, B and C side by side. */
  xProj: PackedLinear;
  dtProj: Projection;
  A: number;
  D: number;
  outProj: Projection;
  /** fc1 and fc2 of an mlp, fc of a linear gate, nothing without one. */
  gate: PackedLinear[];
  /** Addresses of the states of the layers that this one reads, and how many. */
  sources: number;
  sourceCount: number;
  /** [B, E, W−1] and [B, E, N]. */
  conv: number;
  ssm: number;
}

/**
 * Packs a layer. What makes Δ and the gates stays in bfloat16 where the rest are whole numbers: it is small, and every state hangs on it.
 * `below` are the layers before it.
 */
export async function packLayer(
  work: DecodeWorkspace,
  { norm, mixer }: MambaParams['layers'][number],
  c: MambaConfig,
  { weights: type = 'f32', batch }: DecoderOptions,
  below: readonly DecoderLayer[],
): Promise<DecoderLayer> {
  const { innerSize: E, stateSize: N, convKernel: W } = c;
  const small = type === 'f32' ? 'f32' : 'bf16';
  const project = async ({ weight, bias }: ProjectionParams, as: WeightType): Promise<Projection> => {
    return { weight: await work.matrix(weight, { type: as }), bias: await work.copyOf(bias) };
  };
  const aLog = (await mixer.aLog.data()) as Float32Array;
  const sources = c.dense ? denseSources(c.dense, below.length).map((l) => (below[l] as DecoderLayer).ssm) : [];
  return {
    norm: await work.copyOf(norm),
    inProj: await project(mixer.inProj, type),
    filter: await work.copyOf(mixer.conv1d.weight),
    filterBias: await work.copyOf(mixer.conv1d.bias),
    xProj: await work.matrix(mixer.xProj, { type }),
    dtProj: await project(mixer.dtProj, small),
    A: work.floats(aLog.map((value) => -Math.exp(value) * Math.LOG2E)),
    D: await work.copyOf(mixer.D),
    outProj: await project(mixer.outProj, type),
    gate: await packGate(work, mixer, small),
    sources: work.words(sources),
    sourceCount: sources.length,
    conv: work.floats(batch * E * (W - 1)),
    ssm: work.floats(batch * E * N),
  };
}

type ProjectionParams = MambaMixerParams['dtProj'] | MambaMixerParams['inProj'];

async function packGate(work: DecodeWorkspace, { dense }: MambaMixerParams, type: WeightType): Promise<PackedLinear[]> {
  const packed: PackedLinear[] = [];
  for (const matrix of [dense.state?.fc1, dense.state?.fc2, dense.state?.fc]) if (matrix) packed.push(await work.matrix(matrix, { type }));
  return packed;
}

/** hidden += mixer(norm(hidden)); the layer's state becomes that after the token. */
export function stepLayer(work: DecodeWorkspace, layer: DecoderLayer, at: Buffers, c: MambaConfig, batch: number): void {
  const { hiddenSize, innerSize: channels, stateSize, convKernel, timeStepRank } = c;
  const { inProj, xProj, dtProj, outProj } = layer;
  work.rmsNorm(at.hidden, layer.norm, at.x, batch, hiddenSize, c.layerNormEpsilon);
  inProj.weight.run(at.x, at.xz, batch, { bias: inProj.bias });
  work.convolution(
    { x: at.xz, w: layer.filter, bias: layer.filterBias, tail: layer.conv, y: at.u },
    { stride: 2 * channels, batch, channels, width: convKernel },
  );
  xProj.run(at.u, at.selection, batch);
  dtProj.weight.run(at.selection, at.delta, batch, { bias: dtProj.bias, stride: xProj.out });
  openGate(work, layer, at, batch);
  const { sources, sourceCount, A, D, ssm: h } = layer;
  const gate = layer.gate.length > 0 ? at.gate : 0;
  const read = { bc: at.selection + 4 * timeStepRank, bcStride: xProj.out, z: at.xz + 4 * channels, zStride: 2 * channels };
  work.selective({ ...at, ...read, A, D, h, sources, sourceCount, gate, batch, channels, stateSize });
  outProj.weight.run(at.y, at.hidden, batch, { bias: outProj.bias, add: true });
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
