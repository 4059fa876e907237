/** What the decoders of both families share: the backbone of backbone.ts on packed weights, for one token, without tfjs. */
import { denseSources } from '@densessm/dense-connect';
import { type DecoderParts, type DecodeWorkspace, makeDecoder, type PackedLinear } from '@densessm/kernels';
import type { Decoder, DecoderOptions, WeightType } from '@densessm/ssm-core';
import type { Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs-core';
import { type BackboneParams, type BackboneState, checkState, type StateShapes } from './backbone';
import type { BackboneConfig } from './backbone-config';
import type { ConnectionsParams } from './dense';

/** What the layers of a decoder work with. Letters: B texts, D hidden size, E channels, r rank of the gates. */
export interface Shared {
  readonly work: DecodeWorkspace;
  readonly batch: number;
  readonly type: WeightType;
  /** For what makes Δ and the gates: it is small, and every state hangs on it, so it is never rounded to whole numbers. */
  readonly smallType: WeightType;
  /** [B, D]: the residual stream, and its norm. */
  readonly hidden: number;
  readonly x: number;
  /** Of the dense connections [B, E], and inside of it [B, r]. */
  readonly gate: number;
  readonly middle: number;
}

export interface DecoderLayer {
  /** Addresses of the state. */
  readonly conv: number;
  readonly ssm: number;
  /** hidden += mixer(x); the state becomes that after the token. */
  mix(): void;
}

/** Packs a layer; `sources` are the states of those that it reads. */
export type PackLayer<M> = (mixer: M, sources: readonly number[]) => Promise<DecoderLayer>;

/** Undefined on backends other than tfjs's wasm, and for dense connections other than sums in the state with a gate for all sources (the default). */
export async function backboneDecoder<M, C extends BackboneConfig, Ssm extends Tensor>(
  where: string,
  params: BackboneParams<M>,
  c: C,
  { weights: type = 'f32', batch }: DecoderOptions,
  shapes: StateShapes,
  begin: (shared: Shared, c: C) => PackLayer<M>,
): Promise<Decoder<BackboneState<Ssm>> | undefined> {
  if (!hasFastConnections(c)) return undefined;
  return makeDecoder(where, batch, async (work): Promise<DecoderParts<BackboneState<Ssm>>> => {
    const [hidden, x, logits] = [c.hiddenSize, c.hiddenSize, c.vocabSize].map((size) => work.floats(batch * size)) as [
      number,
      number,
      number,
    ];
    const [gate, middle] = [work.floats(batch * c.innerSize), work.floats(batch * (c.dense?.gateRank ?? 0))];
    const pack = begin({ work, batch, type, smallType: type === 'f32' ? 'f32' : 'bf16', hidden, x, gate, middle }, c);
    const layers: (DecoderLayer & { norm: number })[] = [];
    for (const { norm, mixer } of params.layers) {
      const sources = c.dense ? denseSources(c.dense, layers.length).map((l) => (layers[l] as DecoderLayer).ssm) : [];
      layers.push({ ...(await pack(mixer, sources)), norm: await work.copyOf(norm) });
    }
    const embeddings = await work.matrix(params.embeddings, { type });
    const head = params.lmHead ? await work.matrix(params.lmHead, { type }) : embeddings;
    const normF = await work.copyOf(params.normF);
    const norm = (weight: number) => work.rmsNorm(hidden, weight, x, batch, c.hiddenSize, c.layerNormEpsilon);
    const read = () => {
      for (const layer of layers) {
        norm(layer.norm);
        layer.mix();
      }
      norm(normF);
      head.run(x, logits, batch);
    };
    return { vocabSize: c.vocabSize, embeddings, hidden, logits, read, ...stateOfLayers<Ssm>(where, layers, shapes, batch) };
  });
}

function hasFastConnections({ dense }: BackboneConfig): boolean {
  if (dense === undefined) return true;
  return dense.fuses === 'state' && dense.fusion === 'add' && dense.projection === 'identity' && !dense.gatePerSource;
}

function stateOfLayers<Ssm extends Tensor>(
  where: string,
  layers: readonly DecoderLayer[],
  shapes: StateShapes,
  batch: number,
): Pick<DecoderParts<BackboneState<Ssm>>, 'places' | 'tensorsOf' | 'stateOf'> {
  const rows = Array.from({ length: batch }, () => [0]);
  return {
    places: layers.flatMap(({ conv, ssm }) => [
      { address: conv, shape: shapes.conv },
      { address: ssm, shape: shapes.ssm },
    ]),
    tensorsOf: (state) => {
      checkState(where, state, layers.length, () => shapes, rows);
      return state.layers.flatMap(({ conv, ssm }) => [conv, ssm]);
    },
    stateOf: (tensors) => ({
      layers: layers.map((_, l) => ({ conv: tensors[2 * l], ssm: tensors[2 * l + 1] }) as BackboneState<Ssm>['layers'][number]),
    }),
  };
}

/** A matrix, and the address of its bias or 0. */
export interface Projection {
  weight: PackedLinear;
  bias: number;
}

export const packProjection = async (
  { work }: Shared,
  { weight, bias }: { weight: Tensor2D; bias: Tensor1D | undefined },
  type: WeightType,
): Promise<Projection> => ({ weight: await work.matrix(weight, { type }), bias: await work.copyOf(bias) });

/** What a layer adds of others: their states' addresses as words, how many, and its gate, 0 for none; `open` fills that. */
export interface DenseRead {
  readonly sources: number;
  readonly sourceCount: number;
  readonly gate: number;
  /** gate = SiLU(fc2 SiLU(fc1 x)), or SiLU(fc x). */
  open(): void;
}

export async function packDenseRead(shared: Shared, { state }: ConnectionsParams, sources: readonly number[]): Promise<DenseRead> {
  const { work, batch, x, middle, smallType: type } = shared;
  const linears: PackedLinear[] = [];
  for (const matrix of [state?.fc1, state?.fc2, state?.fc]) if (matrix) linears.push(await work.matrix(matrix, { type }));
  const gate = linears.length > 0 ? shared.gate : 0;
  const open = (): void => {
    for (const [i, linear] of linears.entries()) {
      const [from, to] = [i === 0 ? x : middle, i === linears.length - 1 ? gate : middle];
      linear.run(from, to, batch);
      work.silu(to, batch * linear.out);
    }
  };
  return { sources: work.words(sources), sourceCount: sources.length, gate, open };
}
