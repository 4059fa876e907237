/**
 * What a scan with one decay per head shows: Mamba-2 (arXiv:2405.21060, eq. 16) and retention (arXiv:2307.08621, eq. 5 and 6).
 * Letters in shapes: T time, H heads, K and V widths of a head.
 */
import type { Part } from './inspect';
import { type HostReading, normalizeRows, type ScanTrace, shareKept } from './scan-trace';

/** A layer's reading of one text, on the host. Shapes as `DecayReading` of ssm-core, with a batch of 1. */
export type DecayArrays = Readonly<Record<'q' | 'k' | 'v' | 'logDecay', HostReading>>;

export function decayTrace(reading: DecayArrays, wants: ReadonlySet<Part>): ScanTrace {
  const empty = new Float32Array(0);
  const state = wants.has('state') ? stateNorms(reading) : { stateNorm: empty, kept: empty };
  return {
    ...state,
    halfLife: wants.has('forgetting') ? halfLives(reading) : empty,
    attention: wants.has('attention') ? hiddenAttention(reading) : empty,
  };
}

const sizesOf = ({ k, v }: DecayArrays): { T: number; H: number; K: number; V: number } => ({
  T: k.shape[1] as number,
  H: k.shape[2] as number,
  K: k.shape[3] as number,
  V: v.shape[3] as number,
});

/** The logarithm of a head's decay at a token, whether it depends on that or not. */
const decayAt = ({ logDecay }: DecayArrays, heads: number, t: number, h: number): number =>
  logDecay.values[logDecay.shape.length === 1 ? h : t * heads + h] as number;

/** S_t = exp(logDecay_t) S_{t−1} + k_tᵀ v_t, head by head. */
function stateNorms(reading: DecayArrays): Pick<ScanTrace, 'stateNorm' | 'kept'> {
  const { T, H, K, V } = sizesOf(reading);
  const [before, written, after] = [new Float64Array(T), new Float64Array(T), new Float64Array(T)];
  const state = new Float64Array(K * V);
  for (let h = 0; h < H; h++) {
    state.fill(0);
    let square = 0;
    for (let t = 0; t < T; t++) {
      const decay = Math.exp(decayAt(reading, H, t, h));
      before[t] = (before[t] as number) + decay * decay * square;
      const [k, v] = [rowOf(reading.k, t * H + h, K), rowOf(reading.v, t * H + h, V)];
      written[t] = (written[t] as number) + squareSum(k) * squareSum(v);
      square = advance(state, decay, k, v);
      after[t] = (after[t] as number) + square;
    }
  }
  return {
    stateNorm: Float32Array.from(after, Math.sqrt),
    kept: Float32Array.from(before, (sum, t) => shareKept(Math.sqrt(sum), Math.sqrt(written[t] as number))),
  };
}

/** Takes the state [K, V] one token further; the sum of its squares. */
function advance(state: Float64Array, decay: number, k: Float32Array, v: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < k.length; i++)
    for (let j = 0; j < v.length; j++) {
      const at = i * v.length + j;
      const value = decay * (state[at] as number) + (k[i] as number) * (v[j] as number);
      state[at] = value;
      sum += value * value;
    }
  return sum;
}

/** ln 2 / mean of −logDecay, [H]. */
function halfLives(reading: DecayArrays): Float32Array {
  const { T, H } = sizesOf(reading);
  return Float32Array.from({ length: H }, (_, h) => {
    let sum = 0;
    for (let t = 0; t < T; t++) sum -= decayAt(reading, H, t, h);
    return (Math.LN2 * T) / sum;
  });
}

/** |q_t · k_s| exp(Σ_{s<r≤t} logDecay_r), mean over heads, rows normalized, [T, T]. */
function hiddenAttention(reading: DecayArrays): Float32Array {
  const { T, H, K } = sizesOf(reading);
  const triangle = new Float32Array(T * T);
  for (let h = 0; h < H; h++)
    for (let s = 0; s < T; s++) {
      const k = rowOf(reading.k, s * H + h, K);
      let log = 0;
      for (let t = s; t < T; t++) {
        if (t > s) log += decayAt(reading, H, t, h);
        const weight = Math.abs(dot(rowOf(reading.q, t * H + h, K), k)) * Math.exp(log);
        triangle[t * T + s] = (triangle[t * T + s] as number) + weight;
      }
    }
  return normalizeRows(triangle, T);
}

const rowOf = ({ values }: HostReading, row: number, width: number): Float32Array => values.subarray(row * width, (row + 1) * width);
const squareSum = (x: Float32Array): number => dot(x, x);

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}
