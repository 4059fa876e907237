import { at, type Figure } from './figure';
import { axes, bar, type Frame, label } from './plot';
import { numbersFrom } from './random';

const LENGTH = 32;
const WIDTH_OF_KEY = 4;
const GAMMA = 0.9;
const rows = (seed: number): number[][] => Array.from({ length: LENGTH }, (_, t) => numbersFrom(seed + t, WIDTH_OF_KEY));
const [q, k] = [rows(1), rows(1000)];
const v = numbersFrom(42, LENGTH);
const dot = (a: readonly number[] = [], b: readonly number[] = []): number => a.reduce((sum, one, i) => sum + one * (b[i] ?? 0), 0);

/** o = (Q Kᵀ ⊙ D) V with D_nm = γ^(n−m): every pair of tokens at once. RetNet, eq. 5. */
export const parallel = (): number[] =>
  q.map((_, n) => k.slice(0, n + 1).reduce((sum, key, m) => sum + GAMMA ** (n - m) * dot(q[n], key) * (v[m] ?? 0), 0));

/** S_n = γ S_(n−1) + k_nᵀ v_n, o_n = q_n S_n: a state, token by token. RetNet, eq. 6. */
export const recurrent = (): number[] => chunkwise(1);

/** Inside a chunk the parallel form, between chunks the state. RetNet, eq. 7. */
export function chunkwise(size: number): number[] {
  const outputs: number[] = [];
  let state: number[] = new Array(WIDTH_OF_KEY).fill(0);
  for (let from = 0; from < LENGTH; from += size) {
    const to = Math.min(LENGTH, from + size);
    for (let n = from; n < to; n++) {
      const inside = k.slice(from, n + 1).reduce((sum, key, i) => sum + GAMMA ** (n - from - i) * dot(q[n], key) * (v[from + i] ?? 0), 0);
      outputs.push(inside + GAMMA ** (n - from + 1) * dot(q[n], state));
    }
    const gained = (i: number) =>
      k.slice(from, to).reduce((sum, key, m) => sum + GAMMA ** (to - from - 1 - m) * (key[i] ?? 0) * (v[from + m] ?? 0), 0);
    state = state.map((s, i) => GAMMA ** (to - from) * s + gained(i));
  }
  return outputs;
}

/** Pairs of tokens that are looked at, and products with a state: what each form costs. */
export function work(size: number): { pairs: number; carries: number } {
  const chunks = Array.from({ length: Math.ceil(LENGTH / size) }, (_, i) => Math.min(size, LENGTH - i * size));
  return { pairs: chunks.reduce((sum, length) => sum + (length * (length + 1)) / 2, 0), carries: chunks.length };
}

const frame: Frame = { left: 44, top: 34, width: 580, height: 170, x: [0, LENGTH], y: [-3, 3] };

export const threeForms: Figure = {
  name: 'three-forms',
  title: 'Outputs of one retention head over 32 tokens, computed in chunks of a size that you choose',
  height: 244,
  controls: [{ name: 'chunk', label: 'tokens per chunk', min: 1, max: LENGTH, step: 1, value: 8 }],
  draw(values) {
    const size = at(values, 'chunk');
    const bars = chunkwise(size).map((o, t) =>
      bar(frame, t + 0.5, Math.max(-3, Math.min(3, o)), 12, Math.floor(t / size) % 2 === 0 ? 'chosen' : 'other'),
    );
    return axes(frame, 'token', 'output o') + bars.join('') + label(616, 24, 'shades are chunks', 'end');
  },
  caption(values) {
    const size = at(values, 'chunk');
    const [whole, cut] = [parallel(), chunkwise(size)];
    const difference = Math.max(...whole.map((o, t) => Math.abs(o - (cut[t] ?? 0))));
    const { pairs, carries } = work(size);
    const name = size === 1 ? 'recurrent' : size === LENGTH ? 'parallel' : 'chunkwise';
    return `Chunks of ${size}, the ${name} form: ${pairs} pairs of tokens, ${carries} states, and the largest difference to the parallel form is ${difference === 0 ? 0 : difference.toExponential(0)}.`;
  },
};
