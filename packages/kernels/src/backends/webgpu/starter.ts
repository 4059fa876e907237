/// <reference types="@webgpu/types" />
import { SsmError } from '@densessm/ssm-core';
import { findBackend, findBackendFactory, type KernelBackend, registerBackend, removeBackend } from '@tensorflow/tfjs-core';
import { switchOff } from '../../checks/switch-off';
import { activate } from '../../runtime/activate';
import type { BackendStarter } from '../../runtime/choose';
import { compareWith, selfTest } from './advantage';
import { type OpenedDevice, openDevice } from './device';
import { registerWebGpuKernels } from './register';

const PRIORITY = 3;

/** What differs between Node and a page. */
export interface WebGpuPlatform {
  /** @throws SsmError BACKEND that says what to install */
  openGpu(): Promise<GPU>;
  /** Why there can be no adapter, where that is known without asking: 'auto' then asks no further. */
  missing?(): string | undefined;
  /** What a user can do where there is no adapter. */
  readonly withoutAdapter: string;
  /** Kernels that are known to compute wrongly on a device, by what was said of it. */
  wrongKernels?(about: string): readonly string[];
  /** tfjs's backend on a device of ours. */
  openBackend(device: GPUDevice, adapterInfo: GPUAdapterInfo): Promise<KernelBackend>;
}

/**
 * tfjs's WebGPU backend on a device of our own, with our kernels. Under 'auto' it is taken only if it computes the kernels rightly and does a small
 * step of decoding, read back, faster than `rival`, which is started for that.
 */
export const webgpuStarter = (platform: WebGpuPlatform, rival: BackendStarter): BackendStarter<'webgpu'> => {
  let measured = '';
  /** Kernels that computed wrongly here. */
  let off: string[] = [];
  return {
    name: 'webgpu',
    probe: async (request) => {
      if (request.isNamed) return true;
      const missing = platform.missing?.();
      if (missing !== undefined) return missing;
      const opened = await open(platform).catch((error: unknown) => reasonOf(error));
      if (typeof opened === 'string') return opened;
      const { isSoftware, about } = opened;
      if (isSoftware) return `${about} computes on the CPU`;
      await activate('webgpu');
      const { switchedOff, wrong } = await selfTest();
      if (wrong) return wrong;
      off = switchedOff;
      if ((await rival.probe(request)) !== true) return true;
      await rival.start(request);
      const { isFaster, figures } = await compareWith(rival.name);
      measured = `, ${figures}`;
      return isFaster || `slower than ${rival.name}: ${figures}`;
    },
    start: async () => {
      const { about } = await open(platform);
      await activate('webgpu');
      off = [...new Set([...off, ...(platform.wrongKernels?.(about) ?? [])])];
      const names = registerWebGpuKernels(findBackend('webgpu')).names.filter((name) => !off.includes(name));
      for (const name of off) switchOff(name, 'webgpu');
      const without = off.length > 0 ? ` without ${off.join(', ')}, which computed wrongly and is left to its reference` : '';
      return `${about}, ${names.length} kernels of ours${without}${measured}`;
    },
  };
};

/** What was found where there should be a device; other errors are passed on. */
function reasonOf(error: unknown): string {
  if (error instanceof SsmError) return error.got;
  throw error;
}

let opening: Promise<OpenedDevice> | undefined;

/** Once; again after a failure, and after the device was lost. */
function open(platform: WebGpuPlatform): Promise<OpenedDevice> {
  if (opening) return opening;
  const mine = openAnew(platform);
  opening = mine;
  const forget = (): void => {
    if (opening === mine) opening = undefined;
  };
  mine.then(({ device }) => device.lost).then(forget, forget);
  return mine;
}

async function openAnew(platform: WebGpuPlatform): Promise<OpenedDevice> {
  const opened = await openDevice(await platform.openGpu(), platform.withoutAdapter);
  const backend = await platform.openBackend(opened.device, opened.adapterInfo);
  if (findBackendFactory('webgpu') !== null) removeBackend('webgpu'); // one on a lost device, or the one that tfjs makes by itself
  registerBackend('webgpu', () => backend, PRIORITY);
  registerWebGpuKernels(backend);
  return opened;
}
