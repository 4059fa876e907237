/** A training step without its optimizer, with our kernels and with their references instead. */

import { sixModels } from '@densessm/conformance/six-models'; // alone: a page has no files
import { crossEntropy } from '@densessm/kernels';
import { type AnyModel, disposeGrads, valueAndGrads } from '@densessm/ssm-core';
import {
  getKernelsForBackend,
  registerKernel,
  reshape,
  type Scalar,
  tensor1d,
  tensor2d,
  tidy,
  unregisterKernel,
} from '@tensorflow/tfjs-core';

export interface StepSizes {
  hidden: number;
  layers: number;
  batch: number;
  length: number;
  vocab: number;
}

/** Kernels of ours without the product: TensorFlow.js's own takes most of a step, so that the others would not show. */
export const REPLACEABLE = ['SelectiveScan', 'DecayScan', 'CausalConv1d', 'RmsNorm', 'Silu', 'CrossEntropy'];

/** One forward and backward of the cross entropy of next tokens, in the model of this name in packages/conformance/src/six-models.ts; gives the loss. */
export function makeStep(name: string, sizes: StepSizes, changes: Record<string, unknown> = {}): () => Promise<number> {
  const { hidden, layers, batch, length, vocab } = sizes;
  const chosen = sixModels({ vocabSize: vocab, hiddenSize: hidden, layers, heads: 4 }).find((one) => one.name === name);
  if (chosen === undefined) throw new Error(`there is no model ${name}`);
  const model: AnyModel = chosen.model;
  const config = model.parseConfig({ ...chosen.json, ...changes });
  const params: object = model.init(config, 1);
  const ids = (shift: number) => Int32Array.from({ length: batch * length }, (_, i) => ((i + shift) * 7919) % vocab);
  const tokens = tensor2d(ids(0), [batch, length], 'int32');
  const targets = tensor1d(ids(1), 'int32');
  const lossOf = (current: object) =>
    tidy(() => crossEntropy({ logits: reshape(model.forward(current, config, tokens), [-1, vocab]), targets }) as Scalar);
  return async () => {
    const result = valueAndGrads(lossOf, params);
    const [loss] = await result.value.data();
    disposeGrads(result);
    return loss as number;
  };
}

/** Every kernel of ours: the part that their names share. */
export const ALL = [''];

/** Runs with the references of the kernels whose name, without its Ssm, starts with one of `parts`, as before they were fast. */
export async function without(parts: readonly string[], run: () => Promise<unknown>): Promise<void> {
  const taken = getKernelsForBackend('wasm').filter(({ kernelName }) => parts.some((part) => kernelName.startsWith(`Ssm${part}`)));
  for (const { kernelName } of taken) unregisterKernel(kernelName, 'wasm');
  try {
    await run();
  } finally {
    for (const config of taken) registerKernel(config);
  }
}
