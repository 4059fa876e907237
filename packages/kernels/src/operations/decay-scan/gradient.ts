import { defineKernel, type Kernel } from '@densessm/ssm-core';
import { add, concat, mul, sum, type Tensor, type Tensor4D, tidy, transpose, zeros } from '@tensorflow/tfjs-core';
import { matMul } from '../matmul/kernel';
import type { ChunkDecays } from './chunk-decays';
import { decaysBySpan, type ExponentGradients, gradientOfRate, gradientOfTokens } from './decays';
import { checkScan, type DecayScanAttrs, type DecayScanInputs, FIX, headsOf, scanInputs, spansOf, tokensOf } from './inputs';
import { type Chunk, chunkAt, chunkState } from './reference/chunk';

export interface DecayScanGradInputs extends DecayScanInputs {
  /** Gradient of the outputs, [B, T, H, V]. */
  dO: Tensor4D;
  /** Gradient of the last state, [B, H, K, V]. */
  dST: Tensor4D;
}
export interface DecayScanGradAttrs extends DecayScanAttrs {
  /** Whether to compute the gradient of logDecay as well. */
  withDecay: boolean;
}
type InputGradients = [dq: Tensor4D, dk: Tensor4D, dv: Tensor4D, ds0: Tensor4D];
/** Shaped as the inputs; that of logDecay last, where it was asked for. */
export type DecayScanGradients = InputGradients | [...InputGradients, dLogDecay: Tensor];

/** The gradients of the decay scan, chunk by chunk from the last to the first, from states computed again at each chunk's start. */
export const decayScanGrad: Kernel<DecayScanGradInputs, DecayScanGradients, DecayScanGradAttrs> = /* @__PURE__ */ defineKernel<
  DecayScanGradInputs,
  DecayScanGradients,
  DecayScanGradAttrs
>({
  name: 'SsmDecayScanGrad',
  inputs: { ...scanInputs, dO: ['B', 'T', 'H', 'V'], dST: ['B', 'H', 'K', 'V'] },
  fix: FIX,
  attrs: { chunkSize: 64, withDecay: true },
  check: (inputs, attrs) => checkScan('SsmDecayScanGrad', inputs, attrs),
  reference: (inputs, attrs) => tidy(() => gradients(inputs, attrs)),
});

/** Of one chunk: gradients per token [B, C, H, width], of the state before it, and of the exponents of its decays. */
type ChunkGradients = { q: Tensor4D; k: Tensor4D; v: Tensor4D; state: Tensor; logDecay?: Tensor };

function gradients(inputs: DecayScanGradInputs, { chunkSize, withDecay }: DecayScanGradAttrs): DecayScanGradients {
  const spans = spansOf(inputs.q.shape[1], chunkSize);
  const decaysAt = decaysBySpan(inputs, spans);
  const states: Tensor[] = [inputs.s0 ?? zeros(inputs.dST.shape)];
  for (const span of spans.slice(0, -1)) states.push(tidy(() => chunkState(chunkAt(inputs, span), decaysAt(span), states.at(-1))));
  const gradientOfDecay =
    inputs.logDecay.rank === 1 ? gradientOfRate : (of: ExponentGradients) => transpose(gradientOfTokens(of), [0, 2, 1]);
  const parts: ChunkGradients[] = [];
  let dState: Tensor = inputs.dST;
  for (const [n, span] of [...spans.entries()].reverse()) {
    const after = dState;
    const part = tidy(() => {
      const given = { state: states[n] as Tensor, dO: headsOf(inputs.dO, span), after };
      const { exponents, ...rest } = chunkGradients(chunkAt(inputs, span), decaysAt(span), given);
      return withDecay ? { ...rest, logDecay: gradientOfDecay(exponents()) } : rest;
    });
    parts.unshift(part);
    dState = part.state;
  }
  const tokens = (name: 'q' | 'k' | 'v'): Tensor4D => {
    const pieces = parts.map((part) => part[name]);
    return concat(pieces, 1);
  };
  const some: InputGradients = [tokens('q'), tokens('k'), tokens('v'), dState as Tensor4D];
  if (!withDecay) return some;
  const decay = parts.map((part) => part.logDecay as Tensor);
  return [...some, inputs.logDecay.rank === 1 ? decay.reduce((total, one) => add(total, one)) : concat(decay, 1)];
}

/** The state before a chunk, the gradient of its outputs [B, H, C, V] and that of the state after it, dS'. */
interface Given {
  readonly state: Tensor;
  readonly dO: Tensor4D;
  readonly after: Tensor;
}

/**
 * With W = Q Kᵀ ⊙ M of {@link chunkOutput}, E = exp(c), F = exp(c_C − c) and g = exp(c_C):
 *   dW = dO Vᵀ,  dP = dW ⊙ M,  dV = Wᵀ dO + F K dS',  dQ = dP K + E dO Sᵀ,  dK = dPᵀ Q + F V dS'ᵀ,  dS = g dS' + (E Q)ᵀ dO.
 * Each decay is an exponential, so the gradient of its exponent is its own gradient times itself: dP ⊙ Q Kᵀ between tokens,
 * q · (E dO Sᵀ) from the start, k · (F V dS'ᵀ) to the end, and g ⟨S, dS'⟩ across.
 */
function chunkGradients({ q, k, v }: Chunk, { between, fromStart, toEnd, whole }: ChunkDecays, { state, dO, after }: Given) {
  const products = matMul({ a: k, b: q }, { transposeB: true }); // transposed, as `between`
  const dProducts = mul(matMul({ a: v, b: dO }, { transposeB: true }), between);
  const dqAcross = mul(fromStart, matMul({ a: dO, b: state }, { transposeB: true }));
  const dkAcross = mul(toEnd, matMul({ a: v, b: after }, { transposeB: true }));
  const dvAcross = mul(toEnd, matMul({ a: k, b: after }));
  return {
    q: tokensOf(add(matMul({ a: dProducts, b: k }, { transposeA: true }), dqAcross)),
    k: tokensOf(add(matMul({ a: dProducts, b: q }), dkAcross)),
    v: tokensOf(add(matMul({ a: mul(products, between), b: dO }), dvAcross)),
    state: add(mul(whole, after), matMul({ a: mul(q, fromStart), b: dO }, { transposeA: true })),
    exponents: (): ExponentGradients => ({
      between: mul(dProducts, products),
      fromStart: sum(mul(q, dqAcross), -1, true),
      toEnd: sum(mul(k, dkAcross), -1, true),
      whole: sum(mul(whole, mul(state, after)), [2, 3], true),
    }),
  };
}
