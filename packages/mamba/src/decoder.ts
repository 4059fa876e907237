/** What the decoders of both families share: the backbone of backbone.ts on packed weights, for one token, without tfjs. */
import { denseSources } from '@densessm/dense-connect';
import { type DecoderParts, type DecodeWorkspace, makeDecoder, type PackedProduct } from '@densessm/kernels';
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
}

/** Packs a layer and notes its steps, hidden += mixer(x); its state becomes that after the token. `sources` are the states of those that it reads. */
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
    const layers: DecoderLayer[] = [];
    const norm = async (weight: Tensor1D) => work.rmsNorm(hidden, await work.copyOf(weight), x, batch, c.hiddenSize, c.layerNormEpsilon);
    for (const { norm: weight, mixer } of params.layers) {
      const sources = c.dense ? denseSources(c.dense, layers.length).map((l) => (layers[l] as DecoderLayer).ssm) : [];
      await norm(weight);
      layers.push(await pack(mixer, sources));
    }
    await norm(params.normF);
    const embeddings = await work.matrix(params.embeddings, { type });
    const head = params.lmHead ? await work.matrix(params.lmHead, { type }) : embeddings;
    work.products(batch, [{ matrix: head, x, y: logits }]);
    return { vocabSize: c.vocabSize, embeddings, hidden, logits, ...stateOfLayers<Ssm>(where, layers, shapes, batch) };
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

/** The product y = W x + bias. */
export const projection = async (
  { work }: Shared,
  { weight, bias }: { weight: Tensor2D; bias: Tensor1D | undefined },
  type: WeightType,
  at: { x: number; y: number; add?: boolean; stride?: number },
): Promise<PackedProduct> => ({ matrix: await work.matrix(weight, { type }), bias: await work.copyOf(bias), ...at });

/** What a layer adds of others: their states' addresses as words, how many, and its gate, 0 for none. */
interface DenseRead {
  readonly sources: number;
  readonly sourceCount: number;
  readonly gate: number;
}

/** A gate as fc2 SiLU(fc1 x), or fc x; what reads it does its own SiLU. */
export interface Gate {
  readonly read: DenseRead;
  /** SiLU(fc1 x) or fc x; nothing without a gate. */
  readonly first: readonly PackedProduct[];
  /** After the first, the product with fc2, if any. */
  readonly second: readonly PackedProduct[];
}

export async function packGate(shared: Shared, { state }: ConnectionsParams, sources: readonly number[]): Promise<Gate> {
  const { work, x, middle, gate, smallType: type } = shared;
  const read = { sources: work.words(sources), sourceCount: sources.length };
  const [only, fc1, fc2] = [state?.fc, state?.fc1, state?.fc2];
  if (only) {
    const first = [{ matrix: await work.matrix(only, { type }), x, y: gate }];
    return { read: { ...read, gate }, first, second: [] };
  }
  if (!fc1 || !fc2) return { read: { ...read, gate: 0 }, first: [], second: [] };
  const [inner, outer] = [await work.matrix(fc1, { type }), await work.matrix(fc2, { type })];
  const first: readonly PackedProduct[] = [{ matrix: inner, x, y: middle, activation: 'silu' }];
  return { read: { ...read, gate }, first, second: [{ matrix: outer, x: middle, y: gate }] };
}
