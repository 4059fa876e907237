/// <reference types="@webgpu/types" />
import { type DataType, type Tensor, type TensorInfo, util } from '@tensorflow/tfjs-core';
import { FLOATS } from './as-floats';
import { BUFFER_USAGE, MAP_MODE_READ } from './buffers';
import { multipliesMatrices } from './device';
import type { DeviceFailures } from './failures';
import { ELEMENTS, layoutOf, type Program, wgslOf } from './program';
import type { TfjsBufferPool } from './tfjs-patches/buffer-pool';
import { UniformRing, type Uniforms } from './uniform-ring';

/** Of a tensor: where its values lie, and whether the buffer stays when the tensor goes. */
interface TfjsTensorData {
  resource?: GPUBuffer | null;
  values?: ArrayLike<number> | null;
  dtype: DataType;
  external?: boolean;
  refCount: number;
}

/** What we use of tfjs's WebGPUBackend, version 4.22; some of it is private there. */
export interface TfjsGpuBackend {
  readonly device: GPUDevice;
  readonly tensorMap: { get(dataId: object): TfjsTensorData };
  readonly bufferManager: TfjsBufferPool;
  commandEncoder: GPUCommandEncoder | null;
  computePassEncoder: GPUComputePassEncoder | null;
  dispatchCountInPass: number;
  commandQueueOwnedIds: WeakSet<object>;
  uploadToGPU(dataId: object): void;
  makeTensorInfo(shape: number[], dtype: DataType, values?: number[]): TensorInfo;
  createTensorFromGPUData(data: { buffer: GPUBuffer; zeroCopy: boolean }, shape: number[], dtype: DataType): Tensor;
  disposeData(dataId: object): boolean;
  ensureCommandEncoderReady(): void;
  endComputePassEncoder(): void;
  submitQueue(): void;
  read(dataId: object): Promise<unknown>;
  readSync(dataId: object): unknown;
}

/** Values at whose multiples a range begins: 256 bytes, as every device allows. */
export const RANGE_STEP = 64;

/** Commands between two submits: enough that submitting costs little, few enough that what they read can be given back soon. */
export const COMMANDS_PER_SUBMIT = 16;

export interface Compiled {
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
}

/** Some of a tensor's values, from one on that begins at a multiple of 64. */
export interface TensorRange {
  readonly tensor: TensorInfo;
  readonly first: number;
  readonly count: number;
}

export interface Dispatch {
  readonly inputs: Readonly<Record<string, TensorInfo | TensorRange | GPUBuffer>>;
  readonly outputs: Readonly<Record<string, TensorInfo | TensorRange>>;
  readonly params: Readonly<Record<string, number>>;
  /** Workgroups, of any number. */
  readonly groups: number;
}

/** Runs programs on tensors of tfjs's WebGPU backend, in order with its own operations. */
export class Gpu {
  private readonly compiled = new Map<Program, Compiled>();
  private uniforms: Uniforms;

  constructor(
    readonly backend: TfjsGpuBackend,
    readonly failures: DeviceFailures,
  ) {
    this.uniforms = new UniformRing(backend.device, COMMANDS_PER_SUBMIT);
    this.hasMatrices = multipliesMatrices(backend.device);
    this.hasHalf = backend.device.features.has('shader-f16');
  }

  /** Hears of a buffer that is about to go, which recordings may read from. */
  onDestroy: (buffer: GPUBuffer) => void = () => undefined;

  get limits(): GPUSupportedLimits {
    return this.backend.device.limits;
  }

  /** Whether shaders have float16. */
  readonly hasHalf: boolean;

  /** Whether subgroups, which all have 32 invocations, multiply matrices of 16 × 16 halves to floats. */
  readonly hasMatrices: boolean;

  /** A tensor whose values a program will write. */
  tensor(shape: number[], dtype: DataType = 'float32'): TensorInfo {
    // one of no values has no buffer, and would be missed when it is read
    return this.backend.makeTensorInfo(shape, dtype, util.sizeFromShape(shape) === 0 ? [] : undefined);
  }

  /** Gives tensors back that no one sees; commands that were recorded still read them. */
  free(...tensors: TensorInfo[]): void {
    for (const { dataId } of tensors) this.backend.disposeData(dataId);
  }

  /** How many values of four bytes the device binds at a time, a multiple of those at which a range may begin. */
  get mostValues(): number {
    return RANGE_STEP * Math.floor(this.limits.maxStorageBufferBindingSize / (4 * RANGE_STEP));
  }

  /** Runs a program of its own for each value of the operands, in parts where they are more than the device binds at a time. */
  private runInParts(program: Program, { inputs, outputs, params }: Dispatch): void {
    const { count = 0 } = params;
    const most = this.mostValues;
    for (let first = 0; first < count; first += most) {
      const size = Math.min(most, count - first);
      const part = <T extends Dispatch['inputs'][string]>(one: T): T | TensorRange =>
        isTensor(one) && util.sizeFromShape(one.shape) === count ? { tensor: one, first, count: size } : one;
      const parts = <T extends Dispatch['inputs'][string]>(all: Readonly<Record<string, T>>) =>
        Object.fromEntries(Object.entries(all).map(([name, one]) => [name, part(one)]));
      this.run(program, {
        inputs: parts(inputs),
        outputs: parts(outputs),
        params: { ...params, count: size },
        groups: Math.ceil(size / ELEMENTS),
      });
    }
  }

  /** @throws SsmError BACKEND for an error of the device that came to light meanwhile */
  run(program: Program, dispatch: Dispatch): void {
    const { inputs, outputs, params, groups } = dispatch;
    if (program.isPointwise && (params.count as number) > this.mostValues) {
      this.runInParts(program, dispatch);
      return;
    }
    this.failures.check();
    if (Object.values(outputs).every((output) => isTensor(output) && util.sizeFromShape(output.shape) === 0)) return;
    const { backend } = this;
    const given = Object.entries(program.inputs).map(([name, type]) => {
      const input = inputs[name] as Dispatch['inputs'][string];
      return isTensor(input) && (type === 'f32' || type === 'vec4<f32>') ? this.floats(input) : input;
    });
    const { pipeline, layout } = this.compile(program);
    const operands = [...given, ...Object.keys(program.outputs).map((name) => outputs[name] as TensorInfo | TensorRange)];
    this.upload(operands);
    const bound = operands.map((operand) => this.bindingOf(operand));
    if (this.uniforms.isFull) this.submit(); // where a dispatch before failed half-way
    const uniform = this.uniforms.write([
      ['u32', groups],
      ...Object.entries(program.params).map(([k, t]) => [t, params[k] as number] as const),
    ]);
    const bindGroup = backend.device.createBindGroup({
      label: program.name,
      layout,
      entries: [uniform, ...bound].map((resource, binding) => ({ binding, resource })),
    });
    const pass = this.pass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, bindGroup);
    const widest = this.limits.maxComputeWorkgroupsPerDimension;
    pass.dispatchWorkgroups(Math.min(groups, widest), Math.ceil(groups / widest));
    this.recorded();
    const passed = new Set<unknown>(Object.values(inputs));
    this.free(...given.filter((input): input is TensorInfo => isTensor(input) && !passed.has(input)));
  }

  /** Copies whole tensors behind one another into one of 4-byte values, for a program that would bind too many buffers. */
  packed(parts: readonly TensorInfo[]): TensorInfo {
    const sizes = parts.map(({ shape }) => util.sizeFromShape(shape));
    const all = this.tensor([sizes.reduce((a, b) => a + b, 0)]);
    let at = 0;
    for (const [i, part] of parts.entries()) {
      const count = sizes[i] as number;
      this.copy(part, all, [{ from: 0, to: at, count }]);
      at += count;
    }
    return all;
  }

  /** Copies ranges of 4-byte values from one tensor to another, of whatever size: floats as what they are as numbers, other types bit by bit. */
  copy(from: TensorInfo, to: TensorInfo, ranges: readonly { from: number; to: number; count: number }[]): void {
    const source = from.dtype === 'float32' ? this.floats(from) : from;
    this.upload([to, source]);
    const [sourceBuffer, target] = [this.bufferOf(source), this.bufferOf(to)];
    this.backend.ensureCommandEncoderReady();
    this.backend.endComputePassEncoder();
    for (const range of ranges)
      this.backend.commandEncoder?.copyBufferToBuffer(sourceBuffer, 4 * range.from, target, 4 * range.to, 4 * range.count);
    if (source !== from) this.free(source);
  }

  /** The tensor itself, or a copy where its buffer holds integers: tfjs casts those to floats by changing the type of the tensor alone. */
  private floats(x: TensorInfo): TensorInfo {
    const { dtype } = this.backend.tensorMap.get(x.dataId);
    if (dtype === 'float32') return x;
    const y = this.tensor(x.shape);
    const count = util.sizeFromShape(x.shape);
    this.run(FLOATS, { inputs: { x }, outputs: { y }, params: { count }, groups: Math.ceil(count / ELEMENTS) });
    return y;
  }

  /** Runs with other numbers of dispatches than the ring's. What was recorded before and meanwhile is handed over. */
  withUniforms<T>(uniforms: Uniforms, run: () => T): T {
    this.submit();
    const usual = this.uniforms;
    this.uniforms = uniforms;
    try {
      return run();
    } finally {
      this.submit();
      this.uniforms = usual;
    }
  }

  /** Hands over what was recorded. */
  submit(): void {
    if (this.backend.commandEncoder !== null) {
      this.backend.endComputePassEncoder();
      this.backend.submitQueue();
    }
    this.uniforms.restart();
  }

  /** Bytes of a buffer after all that was submitted so far. @throws SsmError LOST, or BACKEND where something failed on the device */
  async bytesOf(from: GPUBuffer, at: number, size: number): Promise<ArrayBuffer> {
    const { device } = this.backend;
    const staging = device.createBuffer({ label: 'read', size, usage: BUFFER_USAGE.read });
    const encoder = device.createCommandEncoder();
    encoder.copyBufferToBuffer(from, at, staging, 0, size);
    device.queue.submit([encoder.finish()]);
    try {
      await this.mapped(staging);
      return staging.getMappedRange().slice(0);
    } finally {
      staging.destroy();
    }
  }

  /** Waits until a buffer can be read, after all that was submitted before. @throws SsmError as {@link Gpu.bytesOf} */
  async mapped(buffer: GPUBuffer): Promise<void> {
    try {
      await buffer.mapAsync(MAP_MODE_READ);
    } catch (error) {
      await this.failures.explain(error);
    }
    this.failures.check();
  }

  /** Makes the buffers of tensors that have none. What was recorded before may be handed over for that, and what is used next is not owned before. */
  private upload(operands: readonly (TensorInfo | TensorRange | GPUBuffer)[]): void {
    for (const operand of operands) {
      const tensor = 'tensor' in operand ? operand.tensor : operand;
      if (isTensor(tensor)) this.backend.uploadToGPU(tensor.dataId);
    }
  }

  /** The buffer that a tensor's values lie in. */
  bufferOf(given: TensorInfo | GPUBuffer): GPUBuffer {
    if (!isTensor(given)) return given;
    const { dataId } = given;
    this.backend.uploadToGPU(dataId);
    this.backend.commandQueueOwnedIds.add(dataId); // not given back before the commands were submitted
    return this.backend.tensorMap.get(dataId).resource as GPUBuffer;
  }

  private bindingOf(given: TensorInfo | TensorRange | GPUBuffer): GPUBufferBinding {
    if (!('tensor' in given)) return { buffer: this.bufferOf(given) };
    return { buffer: this.bufferOf(given.tensor), offset: 4 * given.first, size: 4 * given.count };
  }

  private pass(): GPUComputePassEncoder {
    this.backend.ensureCommandEncoderReady();
    this.backend.computePassEncoder ??= (this.backend.commandEncoder as GPUCommandEncoder).beginComputePass();
    return this.backend.computePassEncoder;
  }

  private recorded(): void {
    this.backend.dispatchCountInPass++;
    if (this.uniforms.isFull) this.submit();
  }

  /** What a program became on this device. */
  compile(program: Program): Compiled {
    const known = this.compiled.get(program);
    if (known) return known;
    const { device } = this.backend;
    const layout = device.createBindGroupLayout({ label: program.name, entries: layoutOf(program) });
    const module = device.createShaderModule({ label: program.name, code: wgslOf(program) });
    const pipeline = device.createComputePipeline({
      label: program.name,
      layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
      compute: { module, entryPoint: 'main' },
    });
    void this.failures.addCompilation(program.name, module.getCompilationInfo());
    const made = { pipeline, layout };
    this.compiled.set(program, made);
    return made;
  }
}

const isTensor = (given: TensorInfo | TensorRange | GPUBuffer): given is TensorInfo => 'dataId' in given;
