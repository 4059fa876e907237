/**
 * What the room Look inside draws of a text: small enough to ship. T tokens, L layers; arrays are row-major.
 * Made from two passes of the model's own inspection: as it is, and with its dense gates closed.
 */
import type { TextTrace } from 'densessm/web';
import { breathe } from '../../state/turns';

export interface Candidate {
  readonly text: string;
  readonly probability: number;
}

export interface LayerPicture {
  readonly layer: number;
  /** Layers below that it reads through its gates. */
  readonly sources: readonly number[];
  /** [T] each; empty where the family has none. */
  readonly stateNorm: Float32Array;
  readonly kept: Float32Array;
  /** Mean opening of the dense gates. */
  readonly strength: Float32Array;
  readonly surprise: Float32Array;
  /** The gates themselves, channels in order of their mean and averaged in groups: [channels, T]. */
  readonly gates: { readonly rows: number; readonly width: number; readonly values: Float32Array };
  /** [T, T], the row of a token says what it still sees; rows sum to 1. */
  readonly attention: Float32Array;
  /** Share of the channels in each bin of {@link BINS}. */
  readonly forgetting: Float32Array;
  readonly medianHalfLife: number;
  /** Candidates of each token, likeliest first. */
  readonly lens: readonly (readonly Candidate[])[];
}

export interface Picture {
  readonly title: string;
  readonly modelType: string;
  readonly texts: readonly string[];
  readonly surprise: Float32Array;
  /** With closed gates; undefined for a model without any. */
  readonly surpriseClosed: Float32Array | undefined;
  readonly layers: readonly LayerPicture[];
}

/** Upper ends of the bins of half-lives, in tokens, on a logarithmic axis. */
export const BINS: readonly number[] = Array.from({ length: 24 }, (_, i) => 0.25 * 2 ** (i * 0.6));
const MOST_GATE_ROWS = 48;
const LENS = 3;

const ROUNDING = 2 ** 10;
/** Fewer digits: what a picture cannot show, a file need not hold. */
const coarse = (value: number): number => {
  if (value === 0 || !Number.isFinite(value)) return value;
  const unit = 2 ** Math.floor(Math.log2(Math.abs(value))) / ROUNDING;
  return Math.round(value / unit) * unit;
};
const coarsely = (values: ArrayLike<number>): Float32Array => Float32Array.from(values, coarse);

/** Each layer in a task of its own: all of them at once would stop the page. */
export async function pictureOf(title: string, open: TextTrace, closed?: TextTrace): Promise<Picture> {
  const layers: LayerPicture[] = [];
  for (const layer of open.layers.keys()) {
    await breathe();
    layers.push(layerPicture(open, layer));
  }
  return {
    title,
    modelType: open.modelType,
    texts: open.texts,
    surprise: coarsely(open.surprise),
    surpriseClosed: closed && coarsely(closed.surprise),
    layers,
  };
}

function layerPicture(trace: TextTrace, index: number): LayerPicture {
  const layer = trace.layers[index] as TextTrace['layers'][number];
  const length = trace.tokens.length;
  return {
    layer: layer.layer,
    sources: layer.sources,
    stateNorm: coarsely(layer.stateNorm),
    kept: coarsely(layer.kept),
    strength: layer.gates.length > 0 ? coarsely(meanOf(layer.gates.map(({ strength }) => strength))) : new Float32Array(0),
    surprise: coarsely(shifted(layer.lensSurprise)),
    gates: gateRows(layer.gates[0], length),
    attention: coarsely(layer.attention),
    forgetting: coarsely(histogram(layer.halfLife)),
    medianHalfLife: Math.min(1e6, median(layer.halfLife)),
    lens: lensOf(trace, layer, length),
  };
}

/** The lens at a token speaks of the next one; the surprise of a token belongs to the token. */
const shifted = (values: Float32Array): Float32Array => Float32Array.of(Number.NaN, ...values.subarray(0, Math.max(0, values.length - 1)));

function meanOf(lists: readonly Float32Array[]): Float32Array {
  return Float32Array.from(lists[0] ?? [], (_, i) => lists.reduce((sum, list) => sum + (list[i] ?? 0), 0) / lists.length);
}

function gateRows(gate: TextTrace['layers'][number]['gates'][number] | undefined, length: number): LayerPicture['gates'] {
  if (!gate || gate.width === 0) return { rows: 0, width: 0, values: new Float32Array(0) };
  const { width, values } = gate;
  const mean = (channel: number) => {
    let sum = 0;
    for (let t = 0; t < length; t++) sum += values[t * width + channel] ?? 0;
    return sum;
  };
  const means = Float64Array.from({ length: width }, (_, channel) => mean(channel));
  const order = Array.from(means.keys()).sort((a, b) => (means[b] ?? 0) - (means[a] ?? 0));
  const rows = Math.min(MOST_GATE_ROWS, width);
  const result = new Float32Array(rows * length);
  for (let row = 0; row < rows; row++) {
    const group = order.slice(Math.floor((row * width) / rows), Math.floor(((row + 1) * width) / rows));
    for (let t = 0; t < length; t++)
      result[row * length + t] = coarse(group.reduce((sum, channel) => sum + (values[t * width + channel] ?? 0), 0) / group.length);
  }
  return { rows, width, values: result };
}

function histogram(halfLife: Float32Array): Float32Array {
  const counts = new Float32Array(BINS.length + 1);
  for (const value of halfLife) {
    const bin = BINS.findIndex((end) => value <= end);
    const place = bin < 0 ? BINS.length : bin;
    counts[place] = (counts[place] ?? 0) + 1;
  }
  return counts.map((count) => count / Math.max(1, halfLife.length));
}

function median(values: Float32Array): number {
  const sorted = Float32Array.from(values).sort();
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

function lensOf(trace: TextTrace, layer: TextTrace['layers'][number], length: number): Candidate[][] {
  const width = Math.min(LENS, trace.lensSize);
  return Array.from({ length: layer.lens.ids.length > 0 ? length : 0 }, (_, t) =>
    Array.from({ length: width }, (_, k) => {
      const place = t * trace.lensSize + k;
      const id = layer.lens.ids[place] ?? 0;
      return { text: trace.candidates[id] ?? '', probability: coarse(Math.exp(layer.lens.logprobs[place] ?? Number.NEGATIVE_INFINITY)) };
    }),
  );
}

/** Mean loss by closing the gates, nats per token, first token left out. */
export function costOfClosing({ surprise, surpriseClosed }: Picture): number | undefined {
  if (!surpriseClosed) return undefined;
  let [sum, count] = [0, 0];
  for (let i = 1; i < surprise.length; i++) {
    const difference = (surpriseClosed[i] ?? 0) - (surprise[i] ?? 0);
    if (!Number.isFinite(difference)) continue;
    sum += difference;
    count++;
  }
  return count > 0 ? sum / count : undefined;
}
