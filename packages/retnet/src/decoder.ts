/**
 * What the decoders of RetNet and DenseRetNet share: retention of one token, Sun et al. 2023, arXiv:2307.08621, eq. 6, on packed weights and
 * without tfjs. Letters: B texts, D hidden size, H heads, K and V widths of keys and values per head, r rank of the gates.
 */
import { type DenseConfig, type DenseParams, denseSources } from '@densessm/dense-connect';
import { type DecoderParts, type DecodeWorkspace, makeDecoder, type PackedProduct } from '@densessm/kernels';
import type { Decoder, DecoderOptions, WeightType } from '@densessm/ssm-core';
import { type Tensor, type Tensor1D, type Tensor2D, type Tensor4D, tensor4d } from '@tensorflow/tfjs-core';
import { decayLogarithms, retentionScale, rotationAngles } from './positions';
import { checkState, type RetentionState, type StateSizes, stateShape } from './state';

interface DecoderConfig extends StateSizes {
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly normEps: number;
  readonly dense: DenseConfig;
}

/** What the layers of a decoder work with: addresses. */
export interface Shared {
  readonly work: DecodeWorkspace;
  readonly batch: number;
  readonly type: WeightType;
  /** [B, D]: the residual stream, and what a layer reads: its norm, or itself where norms come behind. */
  readonly hidden: number;
  readonly x: number;
  /** Of the layer at hand, [B, H K] twice, [B, H V] twice. */
  readonly q: number;
  readonly k: number;
  readonly v: number;
  readonly o: number;
  /** Inside the dense connections, [B, r] and [B, H K], [B, r] and [B, H V]. */
  readonly kMiddle: number;
  readonly kGate: number;
  readonly vMiddle: number;
  readonly vGate: number;
  /** The step that turns q and k by the token's angles, in place; q by 1 / √scale_t as well, and k times K^−½ where `scaled`. */
  rotate(scaled: boolean): void;
  /** The step o = q S of the layer whose state is at `kv`. */
  retain(kv: number): void;
  /** The step y = norm(x), both [B, D]; y may be x. */
  norm(x: number, weight: number, y: number): void;
}

/** What a layer shows to those above it: k and v before their own fusion, [B, H K] and [B, H V]. */
export interface Kept {
  readonly k: number;
  readonly v: number;
}

export interface OwnOfLayer extends Kept {
  readonly index: number;
  /** Its state, [B, H, K, V]. */
  readonly kv: number;
}

/** Packs a layer and notes its steps: hidden becomes the layer's output, and its state that after the token. */
export type PackLayer<Layer> = (layer: Layer, own: OwnOfLayer, sources: readonly Kept[]) => Promise<void>;

interface DecodedModel<Layer> {
  layers: readonly Layer[];
  embeddings: Tensor2D;
  head: Tensor2D | undefined;
  /** Before the head; none where norms come behind. */
  norm: Tensor1D | undefined;
  /** Notes what comes before the layers, if anything. */
  begin?: (shared: Shared) => Promise<void>;
  packLayers: (shared: Shared) => PackLayer<Layer>;
}

/** Undefined on backends other than tfjs's wasm, and for dense connections other than sums with a gate for all sources (the default). */
export async function retentionDecoder<Layer>(
  where: string,
  c: DecoderConfig,
  { weights: type = 'f32', batch }: DecoderOptions,
  model: DecodedModel<Layer>,
): Promise<Decoder<RetentionState> | undefined> {
  const { fusion, projection, gatePerSource, denseLayers } = c.dense;
  if (denseLayers > 0 && (fusion !== 'add' || projection !== 'identity' || gatePerSource)) return undefined;
  return makeDecoder(where, batch, async (work): Promise<DecoderParts<RetentionState>> => {
    const place = new Place(work, c, batch);
    const shared = makeShared(work, c, batch, type, place, model.norm === undefined);
    const { hidden, x } = shared;
    const pack = model.packLayers(shared);
    work.host(() => place.next());
    await model.begin?.(shared);
    const kept: OwnOfLayer[] = [];
    for (const [index, layer] of model.layers.entries()) {
      const [k, v] = [work.floats(batch * c.keyDim), work.floats(batch * c.valueDim)];
      const own = { index, k, v, kv: work.floats((batch * c.keyDim * c.valueDim) / c.numHeads) };
      const sources = denseSources(c.dense, index).map((source) => kept[source] as Kept); // oldest first
      await pack(layer, own, sources);
      kept.push(own);
    }
    if (model.norm) shared.norm(hidden, await work.copyOf(model.norm), x);
    const embeddings = await work.matrix(model.embeddings, { type });
    const logits = work.floats(batch * c.vocabSize);
    const head = model.head ? await work.matrix(model.head, { type }) : embeddings;
    work.products(batch, [{ matrix: head, x, y: logits }]);
    const shape = stateShape(c, batch);
    const places = kept.map(({ kv }) => ({ address: kv, shape }));
    return { vocabSize: c.vocabSize, embeddings, hidden, logits, places, ...stateParts(where, c, batch, place) };
  });
}

function stateParts(
  where: string,
  c: DecoderConfig,
  batch: number,
  place: Place,
): Pick<DecoderParts<RetentionState>, 'tensorsOf' | 'loaded' | 'stateOf'> {
  return {
    tensorsOf: (state) => {
      checkState(where, c, state, batch);
      return [...state.layers.map(({ kv }) => kv), ...(state.scale ? [state.scale] : [])];
    },
    loaded: ({ position }, [scale]) => place.go(position, scale),
    stateOf: (tensors: readonly Tensor[]) => ({
      position: place.position,
      ...(place.scale && { scale: tensor4d(Float32Array.from(place.scale), [batch, c.numHeads, 1, 1]) }),
      layers: tensors.map((kv) => ({ kv: kv as Tensor4D })),
    }),
  };
}

function makeShared(work: DecodeWorkspace, c: DecoderConfig, batch: number, type: WeightType, place: Place, readsHidden: boolean): Shared {
  const { hiddenSize, keyDim, valueDim, numHeads: heads, normEps } = c;
  const rows = (width: number): number => work.floats(batch * width);
  const hidden = rows(hiddenSize);
  const [q, k, v, o] = [rows(keyDim), rows(keyDim), rows(valueDim), rows(valueDim)];
  const [keys, values] = [keyDim / heads, valueDim / heads];
  const decay = work.floats(Float32Array.from({ length: batch * heads }, (_, i) => Math.exp(decayLogarithms(heads)[i % heads] as number)));
  const [one, keyScale] = [1, keys ** -0.5].map((value) => work.floats(new Float32Array(batch * heads).fill(value))) as [number, number];
  const { cos, sin, inverseRootScale } = place;
  const sizes = { batch, heads, groups: heads, keys, values };
  return {
    ...{ work, batch, type, hidden, x: readsHidden ? hidden : rows(hiddenSize), q, k, v, o },
    ...{ kMiddle: rows(c.dense.gateRank), kGate: rows(keyDim), vMiddle: rows(c.dense.gateRank), vGate: rows(valueDim) },
    rotate: (scaled) => {
      work.rotate(q, cos, sin, inverseRootScale, batch * heads, keys);
      work.rotate(k, cos, sin, scaled ? keyScale : one, batch * heads, keys);
    },
    retain: (kv) => work.decay({ q, k, stride: keyDim, v, vStride: valueDim, decay, state: kv, o, ...sizes }),
    norm: (from, weight, to) => work.rmsNorm(from, weight, to, batch, hiddenSize, normEps),
  };
}

/** What depends on a token's place and nothing else, as positions.ts has it, one token at a time. */
class Place {
  /** Tokens read so far. */
  position = 0;
  /** Of each text and head, once a state came with it; else it follows from the position. [B, H] */
  scale: Float64Array | undefined;
  /** Addresses: [K/2] twice, [B, H]. */
  readonly cos: number;
  readonly sin: number;
  readonly inverseRootScale: number;
  readonly #work: DecodeWorkspace;
  readonly #heads: number;
  readonly #batch: number;
  readonly #angles: Float32Array;
  readonly #decays: Float64Array;

  constructor(work: DecodeWorkspace, { numHeads, keyDim }: StateSizes, batch: number) {
    const width = keyDim / numHeads;
    this.#work = work;
    this.#heads = numHeads;
    this.#batch = batch;
    this.#angles = rotationAngles(width).filter((_, i) => i % 2 === 0);
    this.#decays = Float64Array.from(decayLogarithms(numHeads), Math.exp);
    [this.cos, this.sin] = [work.floats(width / 2), work.floats(width / 2)];
    this.inverseRootScale = work.floats(batch * numHeads);
  }

  go(position: number, scale: Float32Array | undefined): void {
    this.position = position;
    this.scale = scale && Float64Array.from(scale);
  }

  /** For the token that is read now. */
  next(): void {
    const [cos, sin] = [this.cos, this.sin].map((address) => this.#work.view(address, this.#angles.length)) as [Float32Array, Float32Array];
    for (const [i, angle] of this.#angles.entries()) {
      cos[i] = Math.cos(angle * this.position);
      sin[i] = Math.sin(angle * this.position);
    }
    this.position++;
    const heads = this.#heads;
    this.scale = this.scale?.map((before, i) => (this.#decays[i % heads] as number) * before + 1);
    const scale = this.scale ?? retentionScale(heads, this.position);
    const inverse = this.#work.view(this.inverseRootScale, this.#batch * heads);
    for (let i = 0; i < inverse.length; i++) inverse[i] = 1 / Math.sqrt(scale[i % scale.length] as number);
  }
}

/** The dense connections of k and v: products with the layer's input, and the steps after these and those that make k and v. */
export interface Fusion {
  readonly first: readonly PackedProduct[];
  /** k = fused own.k and v = fused own.v. */
  fuse(): void;
}

export async function packFusion(
  shared: Shared,
  [kParams, vParams]: readonly [k: DenseParams | undefined, v: DenseParams | undefined],
  { keyDim, valueDim }: StateSizes,
  own: Kept,
  sources: readonly Kept[],
): Promise<Fusion> {
  const { work, batch, k, v } = shared;
  const count = sources.length;
  const [kSources, vSources] = [work.words(sources.map((source) => source.k)), work.words(sources.map((source) => source.v))];
  const kGate = await packGate(shared, count > 0 ? kParams : undefined, { middle: shared.kMiddle, gate: shared.kGate });
  const vGate = await packGate(shared, count > 0 ? vParams : undefined, { middle: shared.vMiddle, gate: shared.vGate });
  const fuse = (): void => {
    work.products(batch, [...kGate.second, ...vGate.second]);
    work.denseSum(own.k, kGate.gate, kSources, count, k, batch * keyDim);
    work.denseSum(own.v, vGate.gate, vSources, count, v, batch * valueDim);
  };
  return { first: [...kGate.first, ...vGate.first], fuse };
}

/** fc2 SiLU(fc1 x), or fc x, at the address `gate`, 0 for none; what reads it does its own SiLU. */
async function packGate(
  { work, type: weights, x }: Shared,
  params: DenseParams | undefined,
  { middle, gate }: { middle: number; gate: number },
): Promise<{ first: PackedProduct[]; second: PackedProduct[]; gate: number }> {
  const type = weights === 'f32' ? 'f32' : 'bf16'; // gates are small, and everything hangs on them
  const [fc, fc1, fc2] = [params?.fc, params?.fc1, params?.fc2];
  if (fc) return { first: [{ matrix: await work.matrix(fc, { type }), x, y: gate }], second: [], gate };
  if (!fc1 || !fc2) return { first: [], second: [], gate: 0 };
  const [inner, outer] = [await work.matrix(fc1, { type }), await work.matrix(fc2, { type })];
  return { first: [{ matrix: inner, x, y: middle, activation: 'silu' }], second: [{ matrix: outer, x: middle, y: gate }], gate };
}
