import type { WebGpuPlatform } from '@densessm/kernels/runtime';
import { SsmError } from '@densessm/ssm-core';
import { vulkanObstacle } from './vulkan-obstacle';
import { wrongKernelsOf } from './wrong-kernels';

/**
 * Dawn's switches, of which those that a driver does not know have no effect: half precision on NVIDIA, and experimental features such as subgroup
 * matrices. Workgroup memory is not cleared, since every kernel writes it before it reads: SwiftShader takes up to a second per kernel to compile that.
 */
const TOGGLES = 'enable-dawn-features=allow_unsafe_apis,vulkan_enable_f16_on_nvidia,use_vulkan_memory_model,disable_workgroup_init';

/** Kept: with it, devices and adapters that are still in use would go. */
let instance: GPU | undefined;

/** WebGPU in Node is Dawn, of the package `webgpu`, which weighs 130 MB and so is installed only by those who want it. */
export const webGpu: WebGpuPlatform = {
  openGpu: async () => {
    const { create, globals } = await importDawn();
    Object.assign(globalThis, globals); // GPUBufferUsage and others, which tfjs's backend reads
    instance ??= create([TOGGLES]);
    return instance;
  },
  missing: vulkanObstacle,
  wrongKernels: (about) => wrongKernelsOf(about),
  withoutAdapter:
    "install a driver: on Linux Vulkan's loader (libvulkan1) and the vendor's driver, elsewhere the system's own; or use device 'wasm'",
  openBackend: async (device, adapterInfo) => {
    const { WebGPUBackend } = await import('@tensorflow/tfjs-backend-webgpu');
    return withNavigator(() => new WebGPUBackend(device, adapterInfo));
  },
};

async function importDawn(): Promise<typeof import('webgpu')> {
  try {
    return await import('webgpu');
  } catch (cause) {
    throw new SsmError(
      {
        code: 'BACKEND',
        what: "startBackend: device 'webgpu' could not be started.",
        expected: 'the package webgpu, which brings WebGPU to Node',
        got: String((cause as Error).message).split('\n')[0] ?? '',
        fix: 'npm install webgpu@^0.6.2',
      },
      { cause },
    );
  }
}

/** tfjs's backend refuses to be made where there is no `navigator.gpu`, though it is given its device. */
function withNavigator<T>(make: () => T): T {
  const scope = globalThis as { navigator?: object };
  const usual = Object.getOwnPropertyDescriptor(scope, 'navigator');
  Object.defineProperty(scope, 'navigator', { configurable: true, value: { gpu: true } });
  try {
    return make();
  } finally {
    if (usual) Object.defineProperty(scope, 'navigator', usual);
    else delete scope.navigator;
  }
}
