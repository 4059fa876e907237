import { at, type Figure } from './figure';
import { heatMap, label } from './plot';
import { numbersFrom } from './random';

const TOKENS = 24;
const STATE = 8;
const [B, C] = [1, 2].map((seed) => Array.from({ length: TOKENS }, (_, t) => numbersFrom(seed * 400 + t, STATE)));
const base = numbersFrom(77, TOKENS);

/** Δ_t = softplus(bias + what the token says), as Mamba's dt_proj and its bias give it. */
export const steps = (bias: number): number[] => base.map((value) => Math.log1p(Math.exp(bias + 3 * value)));

/** α_ij = Σ_n C_i,n exp(A_n Σ_(j<s≤i) Δ_s) Δ_j B_j,n, A_n = −n: how much of u_j arrives in y_i. Ali, Zimerman and Wolf 2024, arXiv:2403.01590, in one channel. */
export function attention(bias: number): number[][] {
  const delta = steps(bias);
  return delta.map((_, i) =>
    delta.map((step, j) => {
      if (j > i) return 0;
      const passed = delta.slice(j + 1, i + 1).reduce((sum, one) => sum + one, 0);
      return Array.from({ length: STATE }, (_, n) => (C?.[i]?.[n] ?? 0) * Math.exp(-(n + 1) * passed) * step * (B?.[j]?.[n] ?? 0)).reduce(
        (sum, one) => sum + one,
        0,
      );
    }),
  );
}

export const hiddenAttention: Figure = {
  name: 'hidden-attention',
  title: 'How much each token takes from each earlier one, in one channel of a selective scan',
  height: 320,
  controls: [{ name: 'bias', label: 'bias of Δ', min: -6, max: 1, step: 0.25, value: -3 }],
  draw(values) {
    const matrix = attention(at(values, 'bias'));
    const largest = Math.max(...matrix.flat().map(Math.abs));
    const scaled = matrix.map((row) => row.map((value) => value / largest));
    const delta = steps(at(values, 'bias'));
    const most = Math.max(...delta);
    const bars = delta.map(
      (step, t) =>
        `<rect class="other" x="340" y="${(30 + t * 11.25).toFixed(1)}" width="${((270 * step) / most).toFixed(1)}" height="9"/>`,
    );
    return (
      heatMap(scaled, { left: 30, top: 30, size: 270 }) +
      bars.join('') +
      label(30, 20, 'α: row reads column') +
      label(340, 20, 'Δ of each token')
    );
  },
  caption(values) {
    const matrix = attention(at(values, 'bias'));
    const far = matrix.flatMap((row, i) => row.filter((_, j) => i - j >= 8)).reduce((sum, one) => sum + Math.abs(one), 0);
    const all = matrix.flat().reduce((sum, one) => sum + Math.abs(one), 0);
    return `${((100 * far) / all).toFixed(1)} % of all weight comes from eight tokens back or more. A token with a large Δ is a column that later rows see, and it wipes out the columns before it.`;
  },
};
