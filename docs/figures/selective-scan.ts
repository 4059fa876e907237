import { at, type Figure } from './figure';
import { axes, bar, curve, type Frame, label } from './plot';

const LENGTH = 48;
/** Tokens that the layer takes in with a large Δ; all others get a small one. */
const CHOSEN = [6, 20, 33];
const INPUT = Array.from({ length: LENGTH }, (_, t) =>
  CHOSEN.includes(t) ? ([1, 0.6, -0.8][CHOSEN.indexOf(t)] ?? 0) : 0.25 * Math.sin(t * 1.7),
);

const inputs: Frame = { left: 44, top: 30, width: 580, height: 80, x: [0, LENGTH], y: [-1, 1] };
const states: Frame = { left: 44, top: 160, width: 580, height: 120, x: [0, LENGTH], y: [-1, 1] };

/** h_t = exp(Δ_t A) h_(t−1) + Δ_t B u_t for one channel and one state, A = −a, B = 1: Mamba, §3.2. */
export function scan(input: readonly number[], delta: readonly number[], a: number): number[] {
  let h = 0;
  return input.map((u, t) => (h = Math.exp(-(delta[t] ?? 0) * a) * h + (delta[t] ?? 0) * u));
}

export const selectiveScan: Figure = {
  name: 'selective-scan',
  title: 'One state of a selective scan over 48 tokens, of which three are chosen',
  height: 320,
  controls: [
    { name: 'chosen', label: 'Δ of chosen tokens', min: 0, max: 2, step: 0.05, value: 1 },
    { name: 'other', label: 'Δ of other tokens', min: 0, max: 1, step: 0.01, value: 0.05 },
    { name: 'decay', label: '−A', min: 0.1, max: 3, step: 0.1, value: 1 },
  ],
  draw(values) {
    const { delta, h } = run(values);
    const bars = INPUT.map((u, t) => bar(inputs, t + 0.5, u, 8, (delta[t] ?? 0) > 0 && CHOSEN.includes(t) ? 'chosen' : 'other'));
    const line = curve(
      states,
      h.map((value, t) => [t + 0.5, Math.max(-1, Math.min(1, value))] as const),
      1,
    );
    return (
      axes(inputs, '', 'input u') +
      bars.join('') +
      axes(states, 'token', 'state h') +
      line +
      label(612, 24, 'chosen tokens are dark', 'end')
    );
  },
  caption(values) {
    const keeps = Math.exp(-at(values, 'other') * at(values, 'decay'));
    return `An unchosen token keeps ${(100 * keeps).toFixed(1)} % of the state and adds ${at(values, 'other')} u; a chosen one keeps ${(100 * Math.exp(-at(values, 'chosen') * at(values, 'decay'))).toFixed(1)} %.`;
  },
};

function run(values: Readonly<Record<string, number>>): { delta: number[]; h: number[] } {
  const delta = INPUT.map((_, t) => at(values, CHOSEN.includes(t) ? 'chosen' : 'other'));
  return { delta, h: scan(INPUT, delta, at(values, 'decay')) };
}
