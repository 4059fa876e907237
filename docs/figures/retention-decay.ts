import { at, type Figure } from './figure';
import { axes, curve, type Frame, label, legend } from './plot';

const frame: Frame = { left: 44, top: 34, width: 580, height: 200, x: [0, 256], y: [0, 1] };

/** γ_h = 1 − 2^(−5−h), RetNet's eq. 8. */
export const decayOf = (head: number): number => 1 - 2 ** (-5 - head);

/** How many tokens back a head still weighs by this share. */
export const reach = (head: number, share: number): number => Math.log(share) / Math.log(decayOf(head));

export const retentionDecay: Figure = {
  name: 'retention-decay',
  title: 'How much a token still counts, by its distance, in each head of a retention layer',
  height: 270,
  controls: [
    { name: 'heads', label: 'heads', min: 1, max: 4, step: 1, value: 4 },
    { name: 'distance', label: 'tokens back', min: 0, max: 256, step: 1, value: 64 },
  ],
  draw(values) {
    const heads = Array.from({ length: at(values, 'heads') }, (_, head) => head);
    const distance = at(values, 'distance');
    const curves = heads.map((head) =>
      curve(
        frame,
        Array.from({ length: 65 }, (_, i) => [i * 4, decayOf(head) ** (i * 4)] as const),
        head + 1,
      ),
    );
    const x = frame.left + (frame.width * distance) / 256;
    const line = `<path class="marker" d="M${x} ${frame.top}V${frame.top + frame.height}"/>`;
    const names = heads.map((head) => `head ${head}: γ = ${decayOf(head).toFixed(4)}`);
    return axes(frame, 'tokens back', 'weight γⁿ') + line + curves.join('') + legend(names) + label(x + 4, 46, String(distance));
  },
  caption(values) {
    const distance = at(values, 'distance');
    const parts = Array.from({ length: at(values, 'heads') }, (_, head) => (decayOf(head) ** distance).toFixed(3));
    return `A token ${distance} places back has the weight ${parts.join(', ')} in heads 0 to ${parts.length - 1}: later heads forget more slowly.`;
  },
};
