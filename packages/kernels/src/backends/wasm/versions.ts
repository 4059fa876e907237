import { activationsOnWasm, expKernel } from '../../operations/activations/wasm/kernel';
import { adamwStepOnWasm } from '../../operations/adamw-step/wasm/kernel';
import { causalConv1dOnWasm } from '../../operations/causal-conv1d/wasm/kernel';
import { crossEntropyOnWasm } from '../../operations/cross-entropy/wasm/kernel';
import { decayScanOnWasm } from '../../operations/decay-scan/wasm/kernel';
import { embeddingOnWasm } from '../../operations/embedding/wasm/kernel';
import { linearCrossEntropyOnWasm } from '../../operations/linear-cross-entropy/wasm/kernel';
import { matMulOnWasm } from '../../operations/matmul/wasm/kernel';
import { rmsNormOnWasm } from '../../operations/rms-norm/wasm/kernel';
import { selectiveScanOnWasm } from '../../operations/selective-scan/wasm/kernel';
import { squareSumOnWasm } from '../../operations/square-sum/wasm/kernel';
import { packedKernels } from './packed/kernels';
import { sumMiddle, sumParts } from './tfjs-patches/reduce/kernel';
import { copyRuns } from './tfjs-patches/strided-copy/kernel';
import type { AnyWasmKernel } from './wasm-kernel';
import type { WasmVersion } from './wasm-version';

/** The fast versions of our kernels. */
export const wasmVersions: readonly WasmVersion[] = [
  ...matMulOnWasm,
  ...embeddingOnWasm,
  ...activationsOnWasm,
  ...causalConv1dOnWasm,
  ...rmsNormOnWasm,
  ...crossEntropyOnWasm,
  ...linearCrossEntropyOnWasm,
  ...selectiveScanOnWasm,
  ...decayScanOnWasm,
  ...adamwStepOnWasm,
  ...squareSumOnWasm,
];

/** All exports that are called by fields. */
export const wasmKernels: readonly AnyWasmKernel[] = [
  ...new Set([...wasmVersions.flatMap(({ calls }) => calls), ...packedKernels, sumMiddle, sumParts, copyRuns, expKernel]),
];
