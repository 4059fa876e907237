import { type Naive, NumberGrid } from '../../checks/number-grid';
import type { AdamwStepAttrs, AdamwStepInputs } from './kernel';

/** Loshchilov and Hutter 2019, arXiv:1711.05101, Alg. 2, in the order of torch.optim.AdamW; g is scaled and clipped first. */
export const adamwStepNaive: Naive<AdamwStepInputs, AdamwStepAttrs> = ({ param, grad, mean, square, measured }, attrs) => {
  const { learningRate, beta1, beta2, eps, weightDecay, step, gradientScale, largestNorm } = attrs;
  const [theta, m, v] = [param, mean, square].map(({ shape, values }) => new NumberGrid(shape, values)) as [
    NumberGrid,
    NumberGrid,
    NumberGrid,
  ];
  const [loss = 0, norm = 0] = measured?.values ?? [];
  if (!Number.isFinite(loss) || !Number.isFinite(norm)) return [theta, m, v];
  const clip = measured && largestNorm > 0 ? Math.min(1, largestNorm / (norm + 1e-6)) : 1;
  for (let i = 0; i < theta.values.length; i++) {
    const g = clip * gradientScale * (grad.values[i] as number);
    const first = beta1 * (m.values[i] as number) + (1 - beta1) * g;
    const second = beta2 * (v.values[i] as number) + (1 - beta2) * g * g;
    const [mHat, vHat] = [first / (1 - beta1 ** step), second / (1 - beta2 ** step)];
    m.values[i] = first;
    v.values[i] = second;
    theta.values[i] = (1 - learningRate * weightDecay) * (theta.values[i] as number) - (learningRate * mHat) / (Math.sqrt(vHat) + eps);
  }
  return [theta, m, v];
};
