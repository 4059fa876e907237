/** What the decoders of both families share: the backbone of backbone.ts recorded as a decode program. */
import { denseSources, isRecordable, type RecordedGate, recordedGate } from '@densessm/dense-connect';
import { type DecodeProgram, type DecoderParts, decoderMaker, type ProductStep, packedOf, type Slot } from '@densessm/kernels/decode';
import type { DecoderMaker, DecoderOptions } from '@densessm/ssm-core';
import type { Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs-core';
import { type BackboneParams, type BackboneState, checkState, headOf, type StateShapes } from './backbone';
import type { BackboneConfig } from './backbone-config';
import type { ConnectionsParams } from './dense';

/** What the layers of a decoder work with. Letters: B texts, D hidden size, E channels, r rank of the gates. */
export interface Shared {
  readonly program: DecodeProgram;
  /** [B, D]: the residual stream, and its norm. */
  readonly hidden: Slot;
  readonly x: Slot;
  /** Of the dense connections [B, E], and inside of it [B, r]. */
  readonly gate: Slot;
  readonly middle: Slot;
}

/** Where the state of a layer is carried. */
export interface DecoderLayer {
  readonly conv: Slot;
  readonly ssm: Slot;
}

/** Records a layer, hidden += mixer(x); its state becomes that after the token. `sources` are the states of those that it reads. */
export type RecordLayer<M> = (mixer: M, sources: readonly Slot[]) => Promise<DecoderLayer>;

/** What a family adds to the backbone. */
export interface DecoderFamily<M, C> {
  shapes(config: C, batch: number): StateShapes;
  /** Makes the buffers that all layers share. */
  begin(shared: Shared, config: C): RecordLayer<M>;
}

/** Undefined on backends without decode programs, and for dense connections other than sums in the state with a gate for all sources (the default). */
export function backboneDecoder<M, C extends BackboneConfig, Ssm extends Tensor>(
  where: string,
  c: C,
  { batch }: DecoderOptions,
  family: DecoderFamily<M, C>,
): DecoderMaker<BackboneParams<M>, BackboneState<Ssm>> | undefined {
  if (c.dense && !(c.dense.fuses === 'state' && isRecordable(c.dense))) return undefined;
  return decoderMaker(where, batch, (program, params) => recordBackbone<M, C, Ssm>(program, params, c, family));
}

async function recordBackbone<M, C extends BackboneConfig, Ssm extends Tensor>(
  program: DecodeProgram,
  params: BackboneParams<M>,
  c: C,
  family: DecoderFamily<M, C>,
): Promise<DecoderParts<BackboneState<Ssm>>> {
  const rows = (width: number): Slot => program.zeros(program.batch * width);
  const [hidden, x, logits] = [rows(c.hiddenSize), rows(c.hiddenSize), rows(c.vocabSize)];
  const [gate, middle] = [rows(c.innerSize), rows(c.dense?.gateRank ?? 0)];
  const record = family.begin({ program, hidden, x, gate, middle }, c);
  const norm = async (weight: Tensor1D) =>
    program.rmsNorm({
      x: hidden,
      weight: await program.constantOf(weight),
      y: x,
      width: c.hiddenSize,
      eps: c.layerNormEpsilon,
      isForProducts: true,
    });
  program.gather({ matrix: packedOf(program, params.embeddings), y: hidden });
  const layers: DecoderLayer[] = [];
  for (const { norm: weight, mixer } of params.layers) {
    const sources = c.dense ? denseSources(c.dense, layers.length).map((l) => (layers[l] as DecoderLayer).ssm) : [];
    await norm(weight);
    layers.push(await record(mixer, sources));
  }
  await norm(params.normF);
  program.products([{ matrix: packedOf(program, headOf(params)), x, y: logits }]);
  return { vocabSize: c.vocabSize, logits, ...stateOfLayers<Ssm>(program, layers, (rows) => family.shapes(c, rows)) };
}

function stateOfLayers<Ssm extends Tensor>(
  { where, batch }: DecodeProgram,
  layers: readonly DecoderLayer[],
  shapesOf: (rows: number) => StateShapes,
): Pick<DecoderParts<BackboneState<Ssm>>, 'buffers' | 'tensorsOf' | 'stateOf'> {
  const shapes = shapesOf(batch);
  return {
    buffers: layers.flatMap(({ conv, ssm }) => [
      { slot: conv, shape: shapes.conv },
      { slot: ssm, shape: shapes.ssm },
    ]),
    tensorsOf: (state, rows) => {
      const tokens = Array.from({ length: rows }, () => [0]);
      checkState(where, state, layers.length, shapesOf, tokens);
      return state.layers.flatMap(({ conv, ssm }) => [conv, ssm]);
    },
    stateOf: (tensors) => ({
      layers: layers.map((_, l) => ({ conv: tensors[2 * l], ssm: tensors[2 * l + 1] }) as BackboneState<Ssm>['layers'][number]),
    }),
  };
}

/** The product y = W x + bias. */
export const projection = async (
  program: DecodeProgram,
  { weight, bias }: { weight: Tensor2D; bias: Tensor1D | undefined },
  at: Pick<ProductStep, 'x' | 'y' | 'add' | 'stride'>,
): Promise<ProductStep> => ({ matrix: packedOf(program, weight), bias: bias && (await program.constantOf(bias)), ...at });

/** The filter of a layer's convolution. */
export const filterOf = async (
  program: DecodeProgram,
  { weight, bias }: { weight: Tensor; bias: Tensor1D | undefined },
): Promise<{ w: Slot; bias: Slot | undefined }> => ({
  w: await program.constantOf(weight),
  bias: bias && (await program.constantOf(bias)),
});

/** A = −exp(aLog) in units of ln 2. */
export async function decayRates(program: DecodeProgram, aLog: Tensor): Promise<Slot> {
  const values = (await aLog.data()) as Float32Array;
  return program.constant(values.map((value) => -Math.exp(value) * Math.LOG2E));
}

/** The gate of the dense connections of a layer. */
export const stateGate = ({ program, x, middle, gate }: Shared, { state }: ConnectionsParams): RecordedGate =>
  recordedGate(program, state, { x, middle, gate });
