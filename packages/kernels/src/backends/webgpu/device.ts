/// <reference types="@webgpu/types" />
import { SsmError } from '@densessm/ssm-core';

/** Features that kernels have a faster version for, or that measuring needs. Every kernel also has one that needs none of them. */
const FEATURES = ['shader-f16', 'subgroups', 'timestamp-query', 'chromium-experimental-subgroup-matrix'];

/** Limits that kernels, and tfjs's backend, can make use of: the adapter's own are asked for. */
const LIMITS = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeWorkgroupStorageSize',
  'maxComputeWorkgroupsPerDimension',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
  'maxComputeWorkgroupSizeY',
  'maxComputeWorkgroupSizeZ',
] as const;

export interface OpenedDevice {
  readonly device: GPUDevice;
  readonly adapterInfo: GPUAdapterInfo;
  /** The adapter computes on the CPU. */
  readonly isSoftware: boolean;
  /** The adapter in words, with the features that were taken. */
  readonly about: string;
}

/**
 * Opens the fastest adapter's device with all of the adapter's limits and the features above that it has.
 * @throws SsmError BACKEND where there is no adapter
 */
export async function openDevice(gpu: GPU, fix: string): Promise<OpenedDevice> {
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (adapter === null) throw noAdapter(fix);
  const features = FEATURES.filter((name) => adapter.features.has(name));
  const device = await adapter.requestDevice({
    requiredFeatures: features as GPUFeatureName[],
    requiredLimits: Object.fromEntries(LIMITS.map((name) => [name, adapter.limits[name]])),
  });
  const adapterInfo = await infoOf(adapter);
  const name = [adapterInfo.vendor, adapterInfo.architecture, adapterInfo.device, adapterInfo.description].filter(Boolean).join(' ');
  return {
    device,
    adapterInfo,
    isSoftware: adapter.isFallbackAdapter === true || /swiftshader|llvmpipe|basic render/i.test(name),
    about: `${name || 'an adapter without a name'} with ${features.join(', ') || 'no optional feature'}`,
  };
}

interface MatrixConfig {
  readonly componentType: string;
  readonly resultComponentType: string;
  readonly M: number;
  readonly N: number;
  readonly K: number;
}

/** Whether subgroups multiply 16 × 16 halves to floats, and all have 32 invocations: the feature is a draft, and devices list what they have. */
export function multipliesMatrices(device: GPUDevice): boolean {
  const has = ['chromium-experimental-subgroup-matrix', 'shader-f16', 'subgroups'].every((name) => device.features.has(name));
  const { adapterInfo } = device as GPUDevice & {
    adapterInfo?: { subgroupMinSize?: number; subgroupMaxSize?: number; subgroupMatrixConfigs?: readonly MatrixConfig[] };
  };
  if (!has || adapterInfo?.subgroupMinSize !== 32 || adapterInfo.subgroupMaxSize !== 32) return false;
  return [...(adapterInfo.subgroupMatrixConfigs ?? [])].some(
    ({ componentType, resultComponentType, M, N, K }) =>
      componentType === 'f16' && resultComponentType === 'f32' && M === 16 && N === 16 && K === 16,
  );
}

/** Present browsers have `info`, earlier ones a method. */
const infoOf = async (adapter: GPUAdapter & { info?: GPUAdapterInfo }): Promise<GPUAdapterInfo> =>
  adapter.info ?? (await adapter.requestAdapterInfo());

const noAdapter = (fix: string): SsmError =>
  new SsmError({
    code: 'BACKEND',
    what: "startBackend: device 'webgpu' could not be started.",
    expected: 'a GPU with a driver that WebGPU can use',
    got: 'no adapter',
    fix,
  });
