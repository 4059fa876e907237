import { activationChecks } from '../operations/activations/checks';
import { adamwStepChecks } from '../operations/adamw-step/checks';
import { causalConv1dChecks } from '../operations/causal-conv1d/checks';
import { crossEntropyChecks } from '../operations/cross-entropy/checks';
import { cumsumChecks } from '../operations/cumsum/checks';
import { decayScanChecks } from '../operations/decay-scan/checks';
import { embeddingChecks } from '../operations/embedding/checks';
import { linearChecks } from '../operations/linear/checks';
import { linearCrossEntropyChecks } from '../operations/linear-cross-entropy/checks';
import { matMulChecks } from '../operations/matmul/checks';
import { rmsNormChecks } from '../operations/rms-norm/checks';
import { rotatePairsChecks } from '../operations/rotate-pairs/checks';
import { selectiveScanChecks } from '../operations/selective-scan/checks';
import { squareSumChecks } from '../operations/square-sum/checks';
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
  ...rotatePairsChecks,
  ...adamwStepChecks,
  ...squareSumChecks,
  ...stockChecks,
];
