import { mapTree, tensorsOf, valueAndGrads } from '@densessm/ssm-core';
import { dispose, type Scalar, type Tensor, tensor } from '@tensorflow/tfjs-core';
import { expect } from 'vitest';

/**
 * Compares the gradient of every parameter with central differences along random directions: (f(p + εd) − f(p − εd)) / 2ε
 * against ⟨∇f, d⟩. Run it on the cpu backend and on tiny models: float32 storage leaves about √ε of precision.
 */
export async function expectGradientsMatchDifferences<P extends object>(
  loss: (params: P) => Scalar,
  params: P,
  {
    step = 1e-2,
    tolerance = 2e-2,
    random = Math.random as () => number,
  }: { step?: number; tolerance?: number; random?: () => number } = {},
): Promise<void> {
  const { value, grads } = valueAndGrads(loss, params);
  value.dispose();
  const gradients = new Map([...tensorsOf(grads)].map(([path, gradient]) => [path.join('.'), gradient]));
  for (const [path, original] of tensorsOf(params)) {
    const name = path.join('.');
    const direction = Float32Array.from({ length: original.size }, () => (random() < 0.5 ? -1 : 1) / Math.sqrt(original.size));
    const base = await original.data();
    const at = async (scale: number): Promise<number> => {
      const moved = tensor(
        Float32Array.from(base, (x, i) => x + scale * (direction[i] as number)),
        original.shape,
      );
      const result = loss(mapTree(params, (one) => (one === original ? moved : one)));
      const [number] = await result.data();
      dispose([moved, result]);
      return number as number;
    };
    const numeric = ((await at(step)) - (await at(-step))) / (2 * step);
    const gradient = await dot(gradients.get(name), direction);
    const scale = Math.max(Math.abs(numeric), Math.abs(gradient), 1e-2);
    expect(Math.abs(gradient - numeric), `${name}: gradient ${gradient}, difference ${numeric}`).toBeLessThanOrEqual(tolerance * scale);
  }
  dispose([...gradients.values()]);
}

async function dot(gradient: Tensor | undefined, direction: Float32Array): Promise<number> {
  if (!gradient) return 0;
  const values = await gradient.data();
  return direction.reduce((total, d, i) => total + d * (values[i] as number), 0);
}
