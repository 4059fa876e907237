import { type KernelCheck, kernelCheck, type Sample } from '../../checks/kernel-check';
import { rotatePairs } from './kernel';
import { rotatePairsNaive } from './naive';

/** Angles of their own for each pair and token. */
const turned = (of: (angle: number) => number, signs: readonly [number, number], [T, K]: [number, number]) => ({
  shape: [T, 1, K],
  value: (i: number) => (signs[i % 2] as number) * of(0.3 + Math.floor(i / K) * 0.7 ** Math.floor((i % K) / 2)),
});
const of = (B: number, T: number, H: number, K: number): Sample => ({
  inputs: { x: { shape: [B, T, H, K] }, cos: turned(Math.cos, [1, 1], [T, K]), sin: turned(Math.sin, [-1, 1], [T, K]) },
});

const samples = {
  'one pair': of(1, 1, 1, 2),
  'odd sizes': of(2, 7, 3, 10),
  'four keys': of(2, 3, 1, 4),
  'more than a workgroup': of(1, 5, 3, 72),
  back: { ...of(2, 5, 3, 6), attrs: { back: true } },
};

export const rotatePairsChecks: readonly KernelCheck[] = [kernelCheck(rotatePairs, samples, 1e-6, { naive: rotatePairsNaive })];
