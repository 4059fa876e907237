import { SsmError } from '@densessm/ssm-core';
import { env } from '@tensorflow/tfjs-core';
import { addRuntime } from '../../backend-runtime';
import { siluGrad, siluKernel } from '../../operations/activations/silu';
import { siluGate, siluGateGrad } from '../../operations/activations/silu-gate';
import { softplusGrad, softplusKernel } from '../../operations/activations/softplus';
import {
  siluGateGradOnGpu,
  siluGateOnGpu,
  siluGradOnGpu,
  siluOnGpu,
  softplusGradOnGpu,
  softplusOnGpu,
} from '../../operations/activations/webgpu/kernel';
import { adamwStep } from '../../operations/adamw-step/kernel';
import { adamwStepOnGpu } from '../../operations/adamw-step/webgpu/kernel';
import { causalConv1dGrad } from '../../operations/causal-conv1d/gradient';
import { causalConv1d } from '../../operations/causal-conv1d/kernel';
import { causalConv1dGradOnGpu, causalConv1dOnGpu } from '../../operations/causal-conv1d/webgpu/kernel';
import { crossEntropyGrad } from '../../operations/cross-entropy/gradient';
import { crossEntropy } from '../../operations/cross-entropy/kernel';
import { crossEntropyGradOnGpu, crossEntropyOnGpu } from '../../operations/cross-entropy/webgpu/kernel';
import { cumsum } from '../../operations/cumsum/kernel';
import { cumsumOnGpu, replaceCumsum } from '../../operations/cumsum/webgpu/kernel';
import { decayScanGrad } from '../../operations/decay-scan/gradient';
import { decayScan } from '../../operations/decay-scan/kernel';
import { decayScanGradOnGpu, decayScanOnGpu } from '../../operations/decay-scan/webgpu/kernel';
import { embedding, embeddingGrad } from '../../operations/embedding/kernel';
import { embeddingGradOnGpu, embeddingOnGpu } from '../../operations/embedding/webgpu/kernel';
import { linearPair, linearPairGrad } from '../../operations/linear/pair';
import { linearPairGradOnGpu, linearPairOnGpu } from '../../operations/linear/webgpu/pair';
import { linearCrossEntropyKernel } from '../../operations/linear-cross-entropy/kernel';
import { linearCrossEntropyOnGpu } from '../../operations/linear-cross-entropy/webgpu/kernel';
import { matMul } from '../../operations/matmul/kernel';
import { matMulOnGpu } from '../../operations/matmul/webgpu/kernel';
import { rmsNormGrad } from '../../operations/rms-norm/gradient';
import { rmsNorm } from '../../operations/rms-norm/kernel';
import { rmsNormGradOnGpu, rmsNormOnGpu } from '../../operations/rms-norm/webgpu/kernel';
import { rotatePairs } from '../../operations/rotate-pairs/kernel';
import { rotatePairsOnGpu } from '../../operations/rotate-pairs/webgpu/kernel';
import { selectiveScanGrad, selectiveScanGradOfC } from '../../operations/selective-scan/gradient';
import { selectiveScan } from '../../operations/selective-scan/kernel';
import { selectiveScanRead } from '../../operations/selective-scan/shown-states';
import {
  selectiveScanGradOfCOnGpu,
  selectiveScanGradOnGpu,
  selectiveScanOnGpu,
  selectiveScanReadOnGpu,
} from '../../operations/selective-scan/webgpu/kernel';
import { squareSum } from '../../operations/square-sum/kernel';
import { squareSumOnGpu } from '../../operations/square-sum/webgpu/kernel';
import { GpuDecodeProgram } from './decode/program';
import { DeviceFailures } from './failures';
import { Gpu, type TfjsGpuBackend } from './gpu';
import { GpuMatrix } from './packed/packed-matrix';
import { GpuRecorder } from './recorder';
import { specializeOnGpu } from './specialize';
import { replaceAddN } from './tfjs-patches/add-n';
import { replaceBinary } from './tfjs-patches/binary';
import { boundBufferPool, dropUnread } from './tfjs-patches/buffer-pool';
import { replacePieces } from './tfjs-patches/pieces';
import { replaceSums } from './tfjs-patches/sum';

export interface WebGpuKernels {
  /** The kernels that are now fast. */
  names: string[];
}

const running = new WeakMap<object, Gpu>();

/**
 * Registers our WGSL kernels for tfjs's WebGPU backend, and replaces some of tfjs's own: AddN of many tensors and Cumsum from the end, which are
 * silently wrong, Sum and Mean, which are slow where there are few sums, and Add, Sub, Multiply, SplitV and Concat, which are slow on the host. From then on an error of the device is thrown, by the next kernel or the next reading of a tensor, and names the kernel.
 * @throws SsmError BACKEND where the backend is not tfjs's
 */
export function registerWebGpuKernels(backend: unknown): WebGpuKernels {
  const gpu = gpuOf(backend);
  replaceAddN(gpu);
  replaceCumsum(gpu);
  replaceSums(gpu);
  replaceBinary(gpu);
  replacePieces(gpu);
  return {
    names: [
      specializeOnGpu(gpu, matMul, matMulOnGpu),
      specializeOnGpu(gpu, linearPair, linearPairOnGpu),
      specializeOnGpu(gpu, linearPairGrad, linearPairGradOnGpu),
      specializeOnGpu(gpu, cumsum, cumsumOnGpu),
      specializeOnGpu(gpu, embedding, embeddingOnGpu),
      specializeOnGpu(gpu, embeddingGrad, embeddingGradOnGpu),
      specializeOnGpu(gpu, siluKernel, siluOnGpu),
      specializeOnGpu(gpu, siluGrad, siluGradOnGpu),
      specializeOnGpu(gpu, siluGate, siluGateOnGpu),
      specializeOnGpu(gpu, siluGateGrad, siluGateGradOnGpu),
      specializeOnGpu(gpu, softplusKernel, softplusOnGpu),
      specializeOnGpu(gpu, softplusGrad, softplusGradOnGpu),
      specializeOnGpu(gpu, causalConv1d, causalConv1dOnGpu),
      specializeOnGpu(gpu, causalConv1dGrad, causalConv1dGradOnGpu),
      specializeOnGpu(gpu, rmsNorm, rmsNormOnGpu),
      specializeOnGpu(gpu, rmsNormGrad, rmsNormGradOnGpu),
      specializeOnGpu(gpu, rotatePairs, rotatePairsOnGpu),
      specializeOnGpu(gpu, crossEntropy, crossEntropyOnGpu),
      specializeOnGpu(gpu, crossEntropyGrad, crossEntropyGradOnGpu),
      specializeOnGpu(gpu, linearCrossEntropyKernel, linearCrossEntropyOnGpu),
      specializeOnGpu(gpu, adamwStep, adamwStepOnGpu),
      specializeOnGpu(gpu, squareSum, squareSumOnGpu),
      specializeOnGpu(gpu, decayScan, decayScanOnGpu),
      specializeOnGpu(gpu, decayScanGrad, decayScanGradOnGpu),
      specializeOnGpu(gpu, selectiveScan, selectiveScanOnGpu),
      specializeOnGpu(gpu, selectiveScanRead, selectiveScanReadOnGpu),
      specializeOnGpu(gpu, selectiveScanGrad, selectiveScanGradOnGpu),
      specializeOnGpu(gpu, selectiveScanGradOfC, selectiveScanGradOfCOnGpu),
    ],
  };
}

/** What runs programs on a backend; one for each. */
function gpuOf(backend: unknown): Gpu {
  const tfjs = checkBackend(backend);
  const known = running.get(tfjs);
  if (known) return known;
  // else tfjs computes on the CPU what small tensors that were never on the device are made into: other bits after a checkpoint than before
  env().set('WEBGPU_CPU_FORWARD', false);
  const failures = new DeviceFailures(tfjs.device);
  throwWhenRead(tfjs, failures);
  const gpu = new Gpu(tfjs, failures);
  boundBufferPool(tfjs.bufferManager, () => gpu.submit());
  failures.flush = () => gpu.submit();
  failures.onLack = (buffer) => dropUnread(tfjs.bufferManager, buffer);
  running.set(tfjs, gpu);
  addRuntime(tfjs, {
    emptyMatrix: (shape, options) => new GpuMatrix(gpu, shape, options),
    decodeProgram: (options) => new GpuDecodeProgram(gpu, options),
    recorder: new GpuRecorder(gpu),
    get mostValues() {
      return gpu.mostValues;
    },
  });
  return gpu;
}

/** Values that commands left unwritten are not handed out; tfjs reads with readSync where it moves a tensor to another backend. */
function throwWhenRead(backend: TfjsGpuBackend, failures: DeviceFailures): void {
  const [read, readSync] = [backend.read.bind(backend), backend.readSync.bind(backend)];
  backend.read = async (dataId) => {
    const values = await read(dataId).catch((error: unknown) => failures.explain(error));
    failures.check();
    return values;
  };
  backend.readSync = (dataId) => {
    failures.check();
    return readSync(dataId);
  };
}

function checkBackend(backend: unknown): TfjsGpuBackend {
  const candidate = backend as Partial<TfjsGpuBackend> | null | undefined;
  if (candidate?.device && candidate.tensorMap && candidate.ensureCommandEncoderReady) return candidate as TfjsGpuBackend;
  throw new SsmError({
    code: 'BACKEND',
    what: 'registerWebGpuKernels: this backend has no GPU device.',
    expected: "tfjs's WebGPU backend, version 4.22",
    got: backend === null || backend === undefined ? String(backend) : `a ${(backend as object).constructor?.name ?? typeof backend}`,
    fix: "await startBackend({ device: 'webgpu' }), then pass findBackend('webgpu')",
  });
}
