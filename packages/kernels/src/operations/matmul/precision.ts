import { engine } from '@tensorflow/tfjs-core';

/** What the factors of products are rounded to; sums are float32 either way. */
export type Precision = 'f32' | 'f16';

let current: Precision = 'f32';
let ends: (() => void)[] = [];

/** What products of a GPU take at the moment. */
export const productPrecision = (): Precision => current;

/** Runs something when the {@link withPrecision} at hand ends. */
export const whenPrecisionEnds = (run: () => void): void => void ends.push(run);

/** Runs what makes products of this precision, on devices that have it. It must not wait for anything. */
export function withPrecision<T>(precision: Precision, run: () => T): T {
  const [before, outer] = [current, ends];
  [current, ends] = [precision, []];
  try {
    return run();
  } finally {
    for (const end of ends) end();
    [current, ends] = [before, outer];
  }
}

/** Whether products of the current backend take float16 where they are asked to. */
export const hasHalfProducts = (): boolean =>
  (engine().backend as { device?: { features?: ReadonlySet<string> } }).device?.features?.has('shader-f16') === true;
