import { at, type Figure } from './figure';
import { heatMap, label } from './plot';
import { numbersFrom } from './random';

const TOKENS = 24;
const STATE = 4;
const query = Array.from({ length: TOKENS }, (_, t) => numbersFrom(100 + t, STATE));
const key = Array.from({ length: TOKENS }, (_, t) => numbersFrom(500 + t, STATE));
/** How long each token's step is, 0 to 1. */
const delta = numbersFrom(7, TOKENS).map((value) => (value + 1) / 2);

/** L_ij = exp(Σ_(j<s≤i) Δ_s A) for i ≥ j, else 0: Mamba-2, §2.3. */
export const decays = (rate: number): number[][] =>
  delta.map((_, i) => delta.map((_, j) => (j > i ? 0 : Math.exp(-rate * delta.slice(j + 1, i + 1).reduce((sum, one) => sum + one, 0)))));

/** M = L ⊙ C Bᵀ: the whole layer as one matrix over the tokens. */
export const mixing = (rate: number): number[][] => decays(rate).map((row, i) => row.map((l, j) => l * dot(query[i], key[j])));

const dot = (a: readonly number[] = [], b: readonly number[] = []): number => a.reduce((sum, one, i) => sum + one * (b[i] ?? 0), 0);

export const stateSpaceDuality: Figure = {
  name: 'state-space-duality',
  title: 'The matrix by which a Mamba-2 head mixes 24 tokens, and its decays alone',
  height: 320,
  controls: [
    { name: 'rate', label: '−A', min: 0, max: 3, step: 0.05, value: 0.6 },
    { name: 'chunk', label: 'tokens per chunk', min: 1, max: 24, step: 1, value: 8 },
  ],
  draw(values) {
    const rate = at(values, 'rate');
    const left = heatMap(decays(rate), { left: 30, top: 30, size: 270 });
    const right = heatMap(mixing(rate), { left: 340, top: 30, size: 270 }) + chunks(at(values, 'chunk'), 340, 270);
    return left + right + label(30, 20, 'L: decays alone') + label(340, 20, 'L ⊙ C Bᵀ, cut into chunks');
  },
  caption(values) {
    const count = Math.ceil(TOKENS / at(values, 'chunk'));
    return `Squares on the diagonal (${count}) are computed as attention; everything below them passes through ${count - 1} carried state${count === 2 ? '' : 's'}. Rows are the token that reads, columns the one that is read.`;
  },
};

/** The squares that the chunkwise form computes as attention. */
function chunks(chunk: number, left: number, size: number): string {
  const cell = size / TOKENS;
  return Array.from({ length: Math.ceil(TOKENS / chunk) }, (_, k) => {
    const from = k * chunk;
    const side = Math.min(chunk, TOKENS - from) * cell;
    return `<rect class="chunk" x="${(left + from * cell).toFixed(1)}" y="${(30 + from * cell).toFixed(1)}" width="${side.toFixed(1)}" height="${side.toFixed(1)}"/>`;
  }).join('');
}
