import { at, type Figure } from './figure';
import { axes, curve, type Frame, label } from './plot';

const MOST = 8192;
/** A transformer of 12 layers of 768 keeps a key and a value of each, in 16 bits. */
export const cacheBytes = (tokens: number): number => tokens * 2 * 12 * 768 * 2;
/** mamba-130m: 24 layers, each with a state of 1536 × 16 and the last three inputs of its convolution, in 32 bits. */
export const stateBytes = 24 * 1536 * (16 + 3) * 4;
const megabytes = (bytes: number): number => bytes / 1e6;
const frame: Frame = { left: 44, top: 34, width: 580, height: 220, x: [0, MOST], y: [0, 300] };

export const memory: Figure = {
  name: 'memory',
  title: 'What a transformer and a Mamba of the same size keep of a text, by its length',
  height: 290,
  controls: [{ name: 'tokens', label: 'tokens read', min: 128, max: MOST, step: 128, value: 4096 }],
  draw(values) {
    const tokens = at(values, 'tokens');
    const x = frame.left + (frame.width * tokens) / MOST;
    const ends = [0, MOST];
    return [
      axes(frame, 'tokens read', 'megabytes'),
      `<path class="marker" d="M${x} ${frame.top}V${frame.top + frame.height}"/>`,
      curve(
        frame,
        ends.map((end) => [end, megabytes(stateBytes)] as const),
        1,
      ),
      curve(
        frame,
        ends.map((end) => [end, megabytes(cacheBytes(end))] as const),
        2,
      ),
      label(60, 64, 'a transformer keeps every token', 'start', 'series-2'),
      label(60, 90, 'a Mamba keeps one state', 'start', 'series-1'),
      label(
        x + (tokens > MOST / 2 ? -6 : 6),
        240,
        `${megabytes(cacheBytes(tokens)).toFixed(0)} MB, or ${megabytes(stateBytes).toFixed(1)} MB`,
        tokens > MOST / 2 ? 'end' : 'start',
      ),
    ].join('');
  },
  caption(values) {
    const tokens = at(values, 'tokens');
    const [cache, state] = [megabytes(cacheBytes(tokens)).toFixed(0), megabytes(stateBytes).toFixed(1)];
    return `After ${tokens.toLocaleString('en')} tokens the keys and values of a transformer (12 layers of 768, 16 bits) take ${cache} MB. The state of mamba-130m (32 bits) takes ${state} MB, as after the first token.`;
  },
};
