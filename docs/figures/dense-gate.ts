import { at, type Figure } from './figure';
import { axes, curve, type Frame, legend } from './plot';
import { numbersFrom } from './random';
import { scan } from './selective-scan';

const LENGTH = 64;
const frame: Frame = { left: 44, top: 34, width: 580, height: 210, x: [0, LENGTH], y: [-2, 2] };
/** The layer below keeps what it reads for long, this layer forgets soon. */
const below = scan(
  Array.from({ length: LENGTH }, (_, t) => (t === 4 ? 6 : 0)),
  new Array(LENGTH).fill(0.25),
  0.08,
);
export const own = scan(numbersFrom(11, LENGTH), new Array(LENGTH).fill(0.6), 1);

/** SiLU(s) = s σ(s), the gate of the released DenseRetNet and ours; 0 at 0. */
export const gate = (s: number): number => s / (1 + Math.exp(-s));

/** h' = h + SiLU(s) ⊙ h^(l−1): DenseSSM, §3.2, with Proj = identity and Fuse = sum. */
export const fused = (s: number): number[] => own.map((h, t) => h + gate(s) * (below[t] ?? 0));

export const denseGate: Figure = {
  name: 'dense-gate',
  title: 'A state, that of the layer below it, and the two fused through a gate',
  height: 280,
  controls: [{ name: 'score', label: 'gate before SiLU', min: -4, max: 2, step: 0.1, value: 0.8 }],
  draw(values) {
    const points = (list: readonly number[]) => list.map((value, t) => [t, Math.max(-2, Math.min(2, value))] as const);
    const curves = [
      curve(frame, points(own), 1),
      curve(frame, points(below), 2),
      curve(frame, points(fused(at(values, 'score'))), 3, true),
    ];
    return axes(frame, 'token', 'one channel') + curves.join('') + legend(['h of this layer', 'h of the layer below', "h', which is read"]);
  },
  caption(values) {
    const score = at(values, 'score');
    const opening = gate(score);
    if (score === 0) return "The gate is closed: SiLU(0) = 0, so h' is h, and a fresh dense model is the plain one.";
    return `The gate is SiLU(${score}) = ${opening.toFixed(3)}: that much of what the layer below still remembers is added to what this layer reads.`;
  },
};
