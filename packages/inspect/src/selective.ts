/**
 * What a selective scan shows: Gu and Dao 2023, arXiv:2312.00752, eq. 2a; its hidden attention: Ali et al. 2024, arXiv:2403.01590, eq. 11.
 * Letters in shapes: T time, E channels, N state size per channel.
 */
import type { Part } from './inspect';
import { type HostReading, normalizeRows, type ScanTrace, shareKept } from './scan-trace';

/** A layer's reading of one text, on the host. Shapes as `SelectiveReading` of ssm-core, with a batch of 1. */
export type SelectiveArrays = Readonly<Record<'u' | 'delta' | 'A' | 'B' | 'C', HostReading>>;

/** Channels whose hidden attention is averaged, spread evenly: more change the mean little and cost T² each. */
const ATTENTION_CHANNELS = 128;

export function selectiveTrace(reading: SelectiveArrays, wants: ReadonlySet<Part>): ScanTrace {
  const empty = new Float32Array(0);
  const state = wants.has('state') ? stateNorms(reading) : { stateNorm: empty, kept: empty };
  return {
    ...state,
    halfLife: wants.has('forgetting') ? halfLives(reading) : empty,
    attention: wants.has('attention') ? hiddenAttention(reading) : empty,
  };
}

const sizesOf = ({ delta, A }: SelectiveArrays): { T: number; E: number; N: number } => ({
  T: delta.shape[1] as number,
  E: A.shape[0] as number,
  N: A.shape[1] as number,
});

/** h_t = exp(Δ_t A) h_{t−1} + Δ_t B_t u_t, channel by channel. */
function stateNorms(reading: SelectiveArrays): Pick<ScanTrace, 'stateNorm' | 'kept'> {
  const { T, E, N } = sizesOf(reading);
  const [u, delta, A, B] = [reading.u.values, reading.delta.values, reading.A.values, reading.B.values];
  const [before, written, after] = [new Float64Array(T), new Float64Array(T), new Float64Array(T)];
  for (let e = 0; e < E; e++)
    for (let n = 0; n < N; n++) {
      const a = A[e * N + n] as number;
      let h = 0;
      for (let t = 0; t < T; t++) {
        const step = delta[t * E + e] as number;
        const old = Math.exp(step * a) * h;
        const fresh = step * (B[t * N + n] as number) * (u[t * E + e] as number);
        h = old + fresh;
        before[t] = (before[t] as number) + old * old;
        written[t] = (written[t] as number) + fresh * fresh;
        after[t] = (after[t] as number) + h * h;
      }
    }
  return {
    stateNorm: Float32Array.from(after, Math.sqrt),
    kept: Float32Array.from(before, (square, t) => shareKept(Math.sqrt(square), Math.sqrt(written[t] as number))),
  };
}

/** ln 2 / (mean Δ_e · |A_en|), [E · N]. */
function halfLives(reading: SelectiveArrays): Float32Array {
  const { T, E, N } = sizesOf(reading);
  const mean = new Float64Array(E);
  for (let t = 0; t < T; t++) for (let e = 0; e < E; e++) mean[e] = (mean[e] as number) + (reading.delta.values[t * E + e] as number) / T;
  return Float32Array.from(reading.A.values, (a, i) => Math.LN2 / ((mean[Math.floor(i / N)] as number) * -a));
}

/** |C_t (Π_{s<k≤t} exp(Δ_k A)) Δ_s B_s|, mean over channels, rows normalized, [T, T]. */
function hiddenAttention(reading: SelectiveArrays): Float32Array {
  const { T, E, N } = sizesOf(reading);
  const [delta, A, B, C] = [reading.delta.values, reading.A.values, reading.B.values, reading.C.values];
  const triangle = new Float32Array(T * T);
  const channels = Math.min(E, ATTENTION_CHANNELS);
  const decay = new Float64Array(T * N);
  const carried = new Float64Array(N);
  for (let i = 0; i < channels; i++) {
    const e = Math.floor((i * E) / channels);
    for (let t = 0; t < T; t++)
      for (let n = 0; n < N; n++) decay[t * N + n] = Math.exp((delta[t * E + e] as number) * (A[e * N + n] as number));
    for (let s = 0; s < T; s++) {
      for (let n = 0; n < N; n++) carried[n] = (delta[s * E + e] as number) * (B[s * N + n] as number);
      for (let t = s; t < T; t++) {
        let weight = 0;
        for (let n = 0; n < N; n++) {
          if (t > s) carried[n] = (carried[n] as number) * (decay[t * N + n] as number);
          weight += (C[t * N + n] as number) * (carried[n] as number);
        }
        triangle[t * T + s] = (triangle[t * T + s] as number) + Math.abs(weight);
      }
    }
  }
  return normalizeRows(triangle, T);
}
