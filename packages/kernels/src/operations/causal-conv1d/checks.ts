import { type KernelCheck, kernelCheck } from '../../checks/kernel-check';
import { startsSample } from '../../checks/starts-sample';
import { causalConv1dGrad } from './gradient';
import { causalConv1d } from './kernel';
import { causalConv1dNaive } from './naive';

const at = (
  batch: number,
  length: number,
  channels: number,
  width: number,
  { tail = true, bias = true, activation = 'silu' as const as 'silu' | 'none', anew = [] as readonly number[] } = {},
) => ({
  inputs: {
    x: { shape: [batch, length, channels] },
    w: { shape: [channels, width] },
    ...(bias && { bias: { shape: [channels] } }),
    ...(tail && { tail: { shape: [batch, channels, width - 1] } }),
    ...(anew.length > 0 && { documentStarts: startsSample(batch, length, anew) }),
  },
  attrs: { activation },
});

const samples = {
  'one token': at(2, 1, 3, 4),
  'fewer tokens than the tail holds': at(2, 2, 3, 5),
  'odd length': at(2, 7, 5, 4),
  'no tail': at(1, 7, 5, 4, { tail: false }),
  'no bias, no activation': at(3, 5, 2, 3, { bias: false, activation: 'none' }),
  wide: at(1, 6, 131, 4, { activation: 'none' }),
  'four columns, whole vectors': at(2, 41, 12, 4),
  'four columns, whole vectors, nothing else': at(2, 21, 4, 4, { tail: false, bias: false, activation: 'none' }),
  'four columns, whole vectors, a start': at(2, 21, 8, 4, { anew: [9] }),
  'fewer tokens than four columns, whole vectors': at(3, 2, 8, 4),
  'a long text, wide filter': at(2, 67, 6, 9),
  'one column': at(2, 3, 4, 1, { tail: false }),
  'one column and its empty tail': at(2, 3, 4, 1),
  'one token that starts anew': at(2, 1, 3, 4, { anew: [0] }),
  'fewer tokens than the tail holds, a start': at(2, 2, 3, 5, { anew: [1] }),
  'starts at the first token, close together and at the last': at(3, 17, 6, 5, { anew: [0, 1, 4, 10, 16] }),
  'starts and one column': at(2, 3, 4, 1, { tail: false, anew: [1] }),
};

const gradientSamples = Object.entries(samples).map(([name, { inputs, attrs }]) => {
  const [B, , E] = inputs.x.shape as [number, number, number];
  const dTail = { shape: [B, E, (inputs.w.shape[1] as number) - 1] };
  return [name, { inputs: { ...inputs, dy: { shape: inputs.x.shape }, dTail }, attrs }] as const;
});

export const causalConv1dChecks: readonly KernelCheck[] = [
  kernelCheck(causalConv1d, samples, 1e-5, { naive: causalConv1dNaive }),
  kernelCheck(causalConv1dGrad, Object.fromEntries(gradientSamples), 1e-5),
];
