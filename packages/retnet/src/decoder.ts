/**
 * What the decoders of RetNet and DenseRetNet share: retention of one token, Sun et al. 2023, arXiv:2307.08621, eq. 6, recorded as a decode
 * program. Letters: B texts, D hidden size, H heads, K and V widths of keys and values per head, r rank of the gates.
 */
import { type DenseParams, denseSources, isRecordable, recordedGate } from '@densessm/dense-connect';
import { type DecodeProgram, type DecoderParts, decoderMaker, type ProductStep, packedOf, type Slot } from '@densessm/kernels/decode';
import { type DecoderMaker, type DecoderOptions, SsmError } from '@densessm/ssm-core';
import { type Tensor1D, type Tensor2D, type Tensor4D, tensor4d } from '@tensorflow/tfjs-core';
import { PositionState } from './position-state';
import { decayLogarithms } from './positions';
import { checkState, type RetentionState, stateShape } from './state';
import type { TrunkConfig, TrunkParams } from './trunk';

/** What the layers of a decoder work with. */
export interface Shared {
  readonly program: DecodeProgram;
  /** [B, D]: the residual stream, and what a layer reads: its norm, or itself where norms come behind. */
  readonly hidden: Slot;
  readonly x: Slot;
  /** Of the layer at hand, [B, H K] twice, [B, H V] twice. */
  readonly q: Slot;
  readonly k: Slot;
  readonly v: Slot;
  readonly o: Slot;
  /** Inside the dense connections, [B, r] and [B, H K], [B, r] and [B, H V]. */
  readonly kMiddle: Slot;
  readonly kGate: Slot;
  readonly vMiddle: Slot;
  readonly vGate: Slot;
  /** The step that turns q and k by the token's angles, in place; q by 1 / √scale_t as well, and k times K^−½ where `scaled`. */
  rotate(scaled: boolean): void;
  /** The step o = q S of the layer whose state is at `kv`. */
  retain(kv: Slot): void;
  /** The step y = norm(x), both [B, D]; y may be x, and else is read by the products behind it alone. */
  norm(x: Slot, weight: Slot, y: Slot): void;
  /** The product y = W x with x as the layer reads it. */
  product(weight: Tensor2D, y: Slot): ProductStep;
}

/** What a layer shows to those above it: k and v before their own fusion, [B, H K] and [B, H V]. */
export interface Kept {
  readonly k: Slot;
  readonly v: Slot;
}

export interface OwnOfLayer extends Kept {
  readonly index: number;
  /** Its state, [B, H, K, V]. */
  readonly kv: Slot;
}

/** Records a layer: hidden becomes the layer's output, and its state that after the token. */
export type RecordLayer<Layer> = (layer: Layer, own: OwnOfLayer, sources: readonly Kept[]) => Promise<void>;

/** What a model adds to its trunk. */
export interface DecoderFamily<P extends TrunkParams<unknown>, C> {
  /** Records what comes between the embedding and the layers, if anything. */
  begin?(shared: Shared, params: P, config: C): Promise<void>;
  /** Makes the buffers that all layers share. */
  layers(shared: Shared, config: C): RecordLayer<P['layers'][number]>;
}

/** Undefined on backends without decode programs, and for dense connections other than sums with a gate for all sources (the default). */
export function retentionDecoder<P extends TrunkParams<unknown>, C extends TrunkConfig>(
  where: string,
  c: C,
  { batch }: DecoderOptions,
  family: DecoderFamily<P, C>,
  headOf: (params: P) => Tensor2D,
): DecoderMaker<P, RetentionState> | undefined {
  if (!isRecordable(c.dense)) return undefined;
  return decoderMaker(where, batch, (program, params) => recordTrunk(program, params, c, family, headOf));
}

async function recordTrunk<P extends TrunkParams<unknown>, C extends TrunkConfig>(
  program: DecodeProgram,
  params: P,
  c: C,
  family: DecoderFamily<P, C>,
  headOf: (params: P) => Tensor2D,
): Promise<DecoderParts<RetentionState>> {
  const rows = (width: number): Slot => program.zeros(program.batch * width);
  const hidden = rows(c.hiddenSize);
  program.gather({ matrix: packedOf(program, params.embedTokens), y: hidden });
  const positions = new PositionState(program, c);
  const shared = makeShared(program, c, positions, hidden, params.norm);
  const record = family.layers(shared, c);
  await family.begin?.(shared, params, c);
  const kept: OwnOfLayer[] = [];
  for (const [index, layer] of params.layers.entries()) {
    const own = { index, k: rows(c.keyDim), v: rows(c.valueDim), kv: rows((c.keyDim * c.valueDim) / c.numHeads) };
    const sources = denseSources(c.dense, index).map((source) => kept[source] as Kept); // oldest first
    await record(layer, own, sources);
    kept.push(own);
  }
  if (params.norm) shared.norm(hidden, await program.constantOf(params.norm), shared.x);
  const logits = rows(c.vocabSize);
  program.products([shared.product(headOf(params), logits)]);
  const shape = stateShape(c, program.batch);
  const buffers = kept.map(({ kv }) => ({ slot: kv, shape }));
  return { vocabSize: c.vocabSize, logits, buffers, ...stateParts(program, c, positions) };
}

function stateParts(
  { where }: DecodeProgram,
  c: TrunkConfig,
  positions: PositionState,
): Pick<DecoderParts<RetentionState>, 'tensorsOf' | 'loaded' | 'copied' | 'stateOf'> {
  return {
    tensorsOf: (state, rows) => {
      checkState(where, c, state, rows);
      return [...state.layers.map(({ kv }) => kv), ...(state.scale ? [state.scale] : [])];
    },
    loaded: ({ position, layers }, [scale], first) => {
      const rows = layers[0]?.kv.shape[0] ?? 0;
      for (let row = 0; row < rows; row++)
        positions.continueAt(first + row, position, scale?.subarray(row * c.numHeads, (row + 1) * c.numHeads));
    },
    copied: (from, to) => positions.copyRow(from, to),
    stateOf: (tensors, { first, count }) => {
      const scale = positions.scalesOf(first, count);
      return {
        position: onePosition(where, positions, first, count),
        ...(scale && { scale: tensor4d(scale, [count, c.numHeads, 1, 1]) }),
        layers: tensors.map((kv) => ({ kv: kv as Tensor4D })),
      };
    },
  };
}

/** The position of rows. @throws SsmError STATE where they are at several */
function onePosition(where: string, positions: PositionState, first: number, count: number): number {
  const all = new Set(Array.from({ length: count }, (_, i) => positions.positionOf(first + i)));
  const [position = 0, other] = all;
  if (other === undefined) return position;
  throw new SsmError({
    code: 'STATE',
    what: `${where}: there is no one state of rows at different positions.`,
    expected: 'rows that have read as many tokens',
    got: `positions ${[...all].join(', ')}`,
    fix: 'take the state of each row with stateOfRow',
  });
}

function makeShared(program: DecodeProgram, c: TrunkConfig, positions: PositionState, hidden: Slot, norm: Tensor1D | undefined): Shared {
  const { hiddenSize, keyDim, valueDim, numHeads: heads, normEps } = c;
  const { batch } = program;
  const rows = (width: number): Slot => program.zeros(batch * width);
  const x = norm ? rows(hiddenSize) : hidden;
  const [q, k, v, o] = [rows(keyDim), rows(keyDim), rows(valueDim), rows(valueDim)];
  const [keys, values] = [keyDim / heads, valueDim / heads];
  const ofHeads = (value: (head: number) => number): Slot =>
    program.constant(Float32Array.from({ length: batch * heads }, (_, i) => value(i % heads)));
  const logarithms = decayLogarithms(heads);
  const decay = ofHeads((head) => Math.exp(logarithms[head] as number));
  const [one, keyScale] = [ofHeads(() => 1), ofHeads(() => keys ** -0.5)];
  const { cos, sin, inverseRootScale } = positions;
  const turn = (some: Slot, scale: Slot): void => program.rotate({ x: some, cos, sin, scale, heads, size: keys });
  return {
    ...{ program, hidden, x, q, k, v, o },
    ...{ kMiddle: rows(c.dense.gateRank), kGate: rows(keyDim), vMiddle: rows(c.dense.gateRank), vGate: rows(valueDim) },
    rotate: (scaled) => {
      turn(q, inverseRootScale);
      turn(k, scaled ? keyScale : one);
    },
    retain: (kv) => program.decay({ q, k, stride: keyDim, v, vStride: valueDim, decay, state: kv, o, heads, groups: heads, keys, values }),
    norm: (from, weight, y) => program.rmsNorm({ x: from, weight, y, width: hiddenSize, eps: normEps, isForProducts: y !== from }),
    product: (weight, y) => ({ matrix: packedOf(program, weight), x, y }),
  };
}

/** The dense connections of k and v: products with the layer's input, and the steps after these and those that make k and v. */
export interface Fusion {
  readonly first: readonly ProductStep[];
  /** k = fused own.k and v = fused own.v. */
  fuse(): void;
}

export function recordedFusion(
  { program, x, k, v, kMiddle, kGate, vMiddle, vGate }: Shared,
  [kParams, vParams]: readonly [k: DenseParams | undefined, v: DenseParams | undefined],
  { keyDim, valueDim }: TrunkConfig,
  own: Kept,
  sources: readonly Kept[],
): Fusion {
  const isRead = sources.length > 0;
  const ofK = recordedGate(program, isRead ? kParams : undefined, { x, middle: kMiddle, gate: kGate });
  const ofV = recordedGate(program, isRead ? vParams : undefined, { x, middle: vMiddle, gate: vGate });
  const fuse = (): void => {
    program.products([...ofK.second, ...ofV.second]);
    program.denseSum({ own: own.k, gate: ofK.gate, sources: sources.map((source) => source.k), y: k, size: keyDim });
    program.denseSum({ own: own.v, gate: ofV.gate, sources: sources.map((source) => source.v), y: v, size: valueDim });
  };
  return { first: [...ofK.first, ...ofV.first], fuse };
}
