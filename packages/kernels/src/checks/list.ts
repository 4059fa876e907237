import { activationChecks } from '../activations/checks';
import { adamwStepChecks } from '../adamw-step/checks';
import { causalConv1dChecks } from '../causal-conv1d/checks';
import { crossEntropyChecks } from '../cross-entropy/checks';
import { cumsumChecks } from '../cumsum/checks';
import { decayScanChecks } from '../decay-scan/checks';
import { embeddingChecks } from '../embedding/checks';
import { linearChecks } from '../linear/checks';
import { linearCrossEntropyChecks } from '../linear-cross-entropy/checks';
import { matMulChecks } from '../matmul/checks';
import { rmsNormChecks } from '../rms-norm/checks';
import { selectiveScanChecks } from '../selective-scan/checks';
import { squareSumChecks } from '../square-sum/checks';
import type { KernelCheck } from './kernel-check';
import { stockChecks } from './stock-checks';

/** Every kernel of this package and its gradient, and the operations of tfjs that it replaces. */
export const kernelChecks: readonly KernelCheck[] = [
  ...selectiveScanChecks,
  ...decayScanChecks,
  ...causalConv1dChecks,
  ...rmsNormChecks,
  ...crossEntropyChecks,
  ...linearCrossEntropyChecks,
  ...matMulChecks,
  ...linearChecks,
  ...embeddingChecks,
  ...cumsumChecks,
  ...activationChecks,
  ...adamwStepChecks,
  ...squareSumChecks,
  ...stockChecks,
];
