/** WebGPU on a bare machine: Dawn's addon is a file, which the variable DAWN names, and nothing else is installed. */
import * as module from 'node:module';
import { startBackend, type WebGpuPlatform, webgpuStarter } from '@densessm/kernels/runtime';
import { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
import { engine } from '@tensorflow/tfjs-core';

/** As runtime-node's, and more of Dawn's that the variable TOGGLES names. */
const TOGGLES = [
  'enable-dawn-features=allow_unsafe_apis,vulkan_enable_f16_on_nvidia,use_vulkan_memory_model,disable_workgroup_init',
  ...(process.env.TOGGLES?.split(',') ?? []),
].join(',');

/** Kept while the program runs: with it, the device would go. */
let instance: GPU | undefined;

const platform: WebGpuPlatform = {
  openGpu: async () => {
    const { DAWN } = process.env;
    if (DAWN === undefined) throw new Error('set DAWN to the file dawn.node of the package webgpu');
    const { create, globals } = module.createRequire(import.meta.url)(DAWN) as typeof import('webgpu');
    Object.assign(globalThis, globals);
    const { BACKEND } = process.env; // null computes nothing: what the host does alone
    const exact = process.env.PROFILE ? ['disable-dawn-features=timestamp_quantization'] : [];
    instance = create([...(BACKEND ? [`backend=${BACKEND}`] : []), TOGGLES, ...exact]);
    Object.defineProperty(globalThis, 'navigator', { configurable: true, value: { gpu: instance } });
    return instance;
  },
  withoutAdapter: 'install the driver and the Vulkan loader',
  openBackend: async (device, adapterInfo) => {
    countBytes(device);
    return new WebGPUBackend(device, adapterInfo);
  },
};

/** Bytes of all buffers that the device made and that were not destroyed, whoever asked for them; and the most there were at a time. */
export const held = { bytes: 0, most: 0 };

function countBytes(device: GPUDevice): void {
  const create = device.createBuffer;
  device.createBuffer = (described) => {
    const buffer = create.call(device, described);
    const destroy = buffer.destroy;
    let size = buffer.size;
    held.bytes += size;
    held.most = Math.max(held.most, held.bytes);
    buffer.destroy = () => {
      held.bytes -= size;
      size = 0;
      return destroy.call(buffer);
    };
    return buffer;
  };
}

/** Starts the device and says what it is. */
export async function startDevice(): Promise<string> {
  const none = { name: 'none', probe: async () => 'not measured', start: async () => '' };
  const { reason } = await startBackend([webgpuStarter(platform, none)], { device: 'webgpu' });
  const { adapterInfo } = (engine().backend as WebGPUBackend).device as GPUDevice & {
    adapterInfo?: { subgroupMinSize?: number; subgroupMaxSize?: number };
  };
  return `${reason}; subgroups of ${adapterInfo?.subgroupMinSize} to ${adapterInfo?.subgroupMaxSize}`;
}

/** Waits until all that was recorded has been computed. */
export async function finished(): Promise<void> {
  const backend = engine().backend as WebGPUBackend & { ensureCommandEncoderReady(): void; endComputePassEncoder(): void };
  backend.ensureCommandEncoderReady();
  backend.endComputePassEncoder();
  backend.submitQueue();
  await backend.device.queue.onSubmittedWorkDone();
}
