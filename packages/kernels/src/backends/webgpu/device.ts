/// <reference types="@webgpu/types" />
import { SsmError } from '@densessm/ssm-core';

/** Features that kernels have a faster version for, or that measuring needs. Every kernel also has one that needs none of them. */
const FEATURES = ['shader-f16', 'subgroups', 'timestamp-query', 'chromium-experimental-subgroup-matrix'];

/** What products on matrices of subgroups need. */
const MATRIX_FEATURES = ['chromium-experimental-subgroup-matrix', 'shader-f16', 'subgroups'];

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
  await tryMatrices(device, adapterInfo);
  const name = [adapterInfo.vendor, adapterInfo.architecture, adapterInfo.device, adapterInfo.description].filter(Boolean).join(' ');
  return {
    device,
    adapterInfo,
    isSoftware: adapter.isFallbackAdapter === true || /swiftshader|llvmpipe|basic render/i.test(name),
    about: `${name || 'an adapter without a name'} with ${features.join(', ') || 'no optional feature'}${multipliesMatrices(device) ? ', products on matrices' : ''}`,
  };
}

/** A product of two matrices of 16 × 16 halves, which a device either takes or refuses. */
const MATRICES = `enable f16;
enable chromium_experimental_subgroup_matrix;
var<workgroup> factors: array<vec4<f16>, 64>;
@group(0) @binding(0) var<storage, read_write> c: array<f32>;
@compute @workgroup_size(32) fn main() {
  var sum: subgroup_matrix_result<f32, 16, 16>;
  let a = subgroupMatrixLoad<subgroup_matrix_left<f16, 16, 16>, row_major>(&factors, 0u, 4u);
  let b = subgroupMatrixLoad<subgroup_matrix_right<f16, 16, 16>, col_major>(&factors, 0u, 4u);
  sum = subgroupMatrixMultiplyAccumulate(a, b, sum);
  subgroupMatrixStore<row_major>(&c, 0u, sum, 16u);
}`;

const withMatrices = new WeakSet<GPUDevice>();

/** Whether subgroups of a device that {@link openDevice} opened multiply 16 × 16 halves to floats, and all have 32 invocations. */
export const multipliesMatrices = (device: GPUDevice): boolean => withMatrices.has(device);

/** The feature is a draft, of which devices have different parts: it is tried. */
async function tryMatrices(device: GPUDevice, info: GPUAdapterInfo): Promise<void> {
  const { subgroupMinSize, subgroupMaxSize } = info as { subgroupMinSize?: number; subgroupMaxSize?: number };
  if (!MATRIX_FEATURES.every((name) => device.features.has(name)) || subgroupMinSize !== 32 || subgroupMaxSize !== 32) return;
  device.pushErrorScope('validation');
  const module = device.createShaderModule({ label: 'matrices', code: MATRICES });
  device.createComputePipeline({ label: 'matrices', layout: 'auto', compute: { module, entryPoint: 'main' } });
  if ((await device.popErrorScope()) === null) withMatrices.add(device);
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
