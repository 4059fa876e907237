import { defineKernel, type Kernel } from '@densessm/ssm-core';
import { concat, dispose, exp, reshape, type Tensor, type Tensor4D, tidy } from '@tensorflow/tfjs-core';
import { decaysBySpan } from './decays';
import { decayInto } from './document-starts';
import { decayScanGrad } from './gradient';
import { checkScan, type DecayScanAttrs, type DecayScanInputs, FIX, logDecayOf, type Span, scanInputs, spansOf, tokensOf } from './inputs';
import { chunkAt, chunkOutput, chunkState, oneToken } from './reference/chunk';

/** o [B, T, H, V] and the state after the last token, sT [B, H, K, V]. */
export type DecayScanOutputs = [o: Tensor4D, sT: Tensor4D];

/**
 * Linear attention with one decay per head and token:
 *   S_t = a_t S_(t−1) + k_tᵀ v_t,   o_t = q_t S_t,   S_(−1) = s0.
 * Retention, arXiv:2307.08621, eq. 5 (parallel), 6 (recurrent) and 7 (chunkwise), with a constant a; Mamba-2's state space
 * duality, arXiv:2405.21060, §5 and §6, with a from the data, q = C, k = B and v = delta x. The three forms are chunk sizes.
 * Where `documentStarts` is 1, S_(t−1) counts as zero.
 * @throws SsmError SHAPE, DTYPE or OPTION
 */
export const decayScan: Kernel<DecayScanInputs, DecayScanOutputs, DecayScanAttrs> = /* @__PURE__ */ defineKernel<
  DecayScanInputs,
  DecayScanOutputs,
  DecayScanAttrs
>({
  name: 'SsmDecayScan',
  inputs: scanInputs,
  fix: FIX,
  attrs: { chunkSize: 64 },
  check: (inputs, attrs) => checkScan('SsmDecayScan', inputs, attrs),
  reference: scan,
  backward: ([dO, dST], inputs, _, attrs) => {
    const given = { ...inputs, dO, dST };
    // RetNet's rates are constants of the model: their gradient costs a run of its own, and only where it is asked for
    const constant = inputs.logDecay.rank === 1;
    const [q, k, v, s0, logDecay] = decayScanGrad(given, { ...attrs, withDecay: !constant });
    return {
      q: () => q,
      k: () => k,
      v: () => v,
      logDecay: () => logDecay ?? (decayScanGrad(given, { ...attrs, withDecay: true })[4] as Tensor),
      s0: () => s0,
    };
  },
});

function scan(inputs: DecayScanInputs, { chunkSize }: DecayScanAttrs): DecayScanOutputs {
  return tidy(() => {
    const spans = spansOf(inputs.q.shape[1], chunkSize);
    const scanSpan = spanScanner(inputs, spans);
    const parts: Tensor4D[] = [];
    let state: Tensor | undefined = inputs.s0;
    for (const span of spans) {
      const before: Tensor | undefined = state;
      const [o, next] = tidy(() => scanSpan(span, before));
      parts.push(o);
      if (before && before !== inputs.s0) dispose(before);
      state = next;
    }
    return [concat(parts, 1), state as Tensor4D];
  });
}

/** From the state before a span its outputs [B, C, H, V] and the state after it. */
function spanScanner(
  inputs: DecayScanInputs,
  spans: readonly Span[],
): (span: Span, state: Tensor | undefined) => [o: Tensor4D, state: Tensor] {
  const { logDecay, documentStarts } = inputs;
  const chunks = spans.filter((span) => span.length > 1);
  const decaysAt = decaysBySpan(inputs, chunks);
  return (span, state) => {
    const chunk = chunkAt(inputs, span);
    if (span.length === 1) {
      const ln = logDecayOf(logDecay, span);
      const decay = exp(reshape(ln, [ln.shape[0], ln.shape[1], 1, 1]));
      const [o, next] = oneToken(chunk, documentStarts ? decayInto(decay, documentStarts, span) : decay, state);
      return [tokensOf(o), next];
    }
    const decays = decaysAt(span);
    return [tokensOf(chunkOutput(chunk, decays, state)), chunkState(chunk, decays, state)];
  };
}
