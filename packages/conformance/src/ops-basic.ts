import { causalConv1d, crossEntropy, gelu, geluTanh, rmsNorm, silu, softplus } from '@densessm/kernels';
import {
  relu,
  reshape,
  sigmoid,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  type Tensor3D,
  tanh,
  tensor1d,
  transpose,
} from '@tensorflow/tfjs-core';
import { casesOf, checkOperator, type NamedTensors, type Operator, type OpsCase } from './ops-case';
import type { CheckResult, OpsFixture } from './types';

/** float32 against float64, worst error relative to the RMS. The references' own float32 errs by up to 1e-6 of values around 1. */
const BOUND = 1e-5;

const activations: Readonly<Record<string, (x: Tensor) => Tensor>> = {
  silu,
  softplus,
  gelu_erf: gelu,
  gelu_tanh: geluTanh,
  sigmoid,
  tanh,
  relu,
};

/** The cases of an operator folder that every model uses: norms, the causal convolution, activations and the loss. */
export async function* checkBasicOps(fixture: OpsFixture): AsyncGenerator<CheckResult> {
  for (const one of casesOf(fixture)) {
    const operator = operatorOf(one);
    if (operator) yield* checkOperator(one, operator, BOUND);
  }
}

function operatorOf(one: OpsCase): Operator | undefined {
  const op = String(one.about.op);
  const activation = activations[op];
  if (activation) return ({ x }) => ({ y: activation(x as Tensor) });
  if (/rms_?norm/i.test(op)) return norm(one);
  if (/conv1d/.test(op)) return convolution(/silu/.test(op) ? 'silu' : 'none');
  if (op.startsWith('cross_entropy')) return loss(one, op);
  return undefined;
}

/** x, z and weight as rmsNorm takes them; `group_size` null is the whole axis. */
function norm({ about }: OpsCase): Operator {
  const { eps, group_size: groupSize, norm_before_gate: normBeforeGate = false } = about as Record<string, never>;
  return ({ x, weight, z }) => ({
    y: rmsNorm({ x: x as Tensor, weight: weight as Tensor1D | undefined, gate: z }, { eps, groupSize: groupSize ?? 0, normBeforeGate }),
  });
}

/** torch.nn.Conv1d: x [B, E, T], weight [E, 1, W]; starts from zeros. */
const convolution =
  (activation: 'silu' | 'none'): Operator =>
  ({ x, weight, bias }: NamedTensors) => {
    const [channels, , width] = (weight as Tensor3D).shape;
    const [y] = causalConv1d(
      { x: transpose(x as Tensor3D, [0, 2, 1]), w: reshape(weight as Tensor, [channels, width]), bias: bias as Tensor1D | undefined },
      { activation },
    );
    return { y: transpose(y, [0, 2, 1]) };
  };

/** Targets come from the case and not from the inputs: integers have no gradient. */
function loss({ inputs }: OpsCase, op: string): Operator {
  const ignored = /ignore_index (-?\d+)/.exec(op)?.[1];
  const attrs = { ignoreIndex: Number(ignored ?? -100), reduction: op.includes('none') ? ('none' as const) : ('mean' as const) };
  return ({ logits }) => {
    const targets = tensor1d(Int32Array.from(inputs.get('target')?.values ?? []), 'int32');
    return { loss: crossEntropy({ logits: logits as Tensor2D, targets }, attrs) };
  };
}
