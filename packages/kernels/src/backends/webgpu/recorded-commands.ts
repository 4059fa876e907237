/// <reference types="@webgpu/types" />
import type { TfjsGpuBackend } from './gpu';

interface DispatchCommand {
  readonly pipeline: GPUComputePipeline;
  readonly group: GPUBindGroup;
  readonly counts: readonly [number, number, number];
}
interface CopyCommand {
  readonly from: GPUBuffer;
  readonly fromAt: number;
  readonly to: GPUBuffer;
  readonly toAt: number;
  readonly size: number;
}
/** What is done again. */
export type Command = DispatchCommand | CopyCommand;

const MAP_WRITE = 0x2; // GPUBufferUsage.MAP_WRITE, which exists only where WebGPU does

const pipelines = new WeakMap<object, number>();
let pipelineCount = 0;
function numberOf(pipeline: object): number {
  const known = pipelines.get(pipeline) ?? pipelineCount++;
  pipelines.set(pipeline, known);
  return known;
}

/** All that a function told the device save the values of its inputs: pipelines, sizes, numbers of dispatches, constants. */
export class Trace {
  private readonly words: number[] = [];
  /** Whether something was done that cannot be done again. */
  isBroken = false;

  add(...words: number[]): void {
    for (const word of words) this.words.push(word);
  }

  addBytes(bytes: Uint8Array): void {
    this.words.push(bytes.length);
    const padded = new Uint8Array(4 * Math.ceil(bytes.length / 4));
    padded.set(bytes);
    for (const word of new Uint32Array(padded.buffer)) this.words.push(word);
  }

  equals({ words, isBroken }: Trace): boolean {
    return !isBroken && !this.isBroken && words.length === this.words.length && words.every((word, i) => word === this.words[i]);
  }
}

/** Where commands go that are recorded. */
export interface Notes {
  readonly commands: Command[];
  readonly trace: Trace;
  /** Hears of each buffer that a command is bound to, and gives it a number: which one a command reads or writes is part of what is told. */
  readonly numberOf: (buffer: GPUBuffer) => number;
}

/** Runs with a device of which all commands are noted as well as done. */
export function watched<T>(backend: TfjsGpuBackend, notes: Notes, run: () => T): T {
  const { device } = backend;
  const { createCommandEncoder, createBindGroup, queue } = device;
  const { writeBuffer } = queue;
  const { uploadToGPU } = backend;
  device.createCommandEncoder = (described) => encoderFor(createCommandEncoder.call(device, described), notes);
  device.createBindGroup = (described) => {
    for (const { resource } of described.entries) {
      const { buffer, offset = 0, size = -1 } = resource as GPUBufferBinding;
      notes.trace.add(notes.numberOf(buffer), buffer.size, buffer.usage & BINDING_USAGE ? offset : 0, size);
    }
    return createBindGroup.call(device, described);
  };
  queue.writeBuffer = (buffer, at, data, dataAt = 0, size) => {
    if (data instanceof ArrayBuffer) notes.trace.addBytes(new Uint8Array(data, dataAt, size));
    else notes.trace.isBroken = true;
    writeBuffer.call(queue, buffer, at, data as ArrayBuffer, dataAt, size);
  };
  backend.uploadToGPU = (dataId) => {
    const { resource, values } = backend.tensorMap.get(dataId);
    if (!resource && values) notes.trace.addBytes(bytesOf(values));
    uploadToGPU.call(backend, dataId);
  };
  try {
    return run();
  } finally {
    Object.assign(device, { createCommandEncoder, createBindGroup });
    queue.writeBuffer = writeBuffer;
    backend.uploadToGPU = uploadToGPU;
  }
}

/** Of a storage buffer the offset tells which part is bound; of uniforms, only where they happen to lie. */
const BINDING_USAGE = 0x80; // GPUBufferUsage.STORAGE

const bytesOf = (values: ArrayLike<number> | ArrayBufferView): Uint8Array =>
  ArrayBuffer.isView(values)
    ? new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
    : new Uint8Array(Float64Array.from(values).buffer);

function encoderFor(encoder: GPUCommandEncoder, notes: Notes): GPUCommandEncoder {
  const own: Partial<GPUCommandEncoder> = {
    beginComputePass: (described) => passFor(encoder.beginComputePass(described), notes),
    copyBufferToBuffer: (from: GPUBuffer, fromAt: number, to: GPUBuffer, toAt: number, size: number) => {
      encoder.copyBufferToBuffer(from, fromAt, to, toAt, size);
      if (from.usage & MAP_WRITE) return undefined; // values of the host, which stay
      notes.trace.add(notes.numberOf(from), from.size, notes.numberOf(to), to.size, fromAt, toAt, size);
      notes.commands.push({ from, fromAt, to, toAt, size });
      return undefined;
    },
    finish: (described) => encoder.finish(described),
  } as Partial<GPUCommandEncoder>;
  return orElse(own, encoder, notes.trace);
}

function passFor(pass: GPUComputePassEncoder, { commands, trace }: Notes): GPUComputePassEncoder {
  let [pipeline, group]: [GPUComputePipeline?, GPUBindGroup?] = [];
  const own = {
    setPipeline: (next: GPUComputePipeline) => {
      pipeline = next;
      pass.setPipeline(next);
    },
    setBindGroup: (index: number, next: GPUBindGroup, ...offsets: unknown[]) => {
      if (index !== 0 || offsets.length > 0) trace.isBroken = true;
      group = next;
      pass.setBindGroup(index, next);
    },
    dispatchWorkgroups: (x: number, y = 1, z = 1) => {
      pass.dispatchWorkgroups(x, y, z);
      trace.add(numberOf(pipeline as object), x, y, z);
      commands.push({ pipeline: pipeline as GPUComputePipeline, group: group as GPUBindGroup, counts: [x, y, z] });
    },
    end: () => pass.end(),
  } as Partial<GPUComputePassEncoder>;
  return orElse(own, pass, trace);
}

/** Methods of `own`; another one of the encoder's works as well, and breaks the recording. */
function orElse<T extends object>(own: Partial<T>, encoder: T, trace: Trace): T {
  return new Proxy(own as T, {
    get: (of, name) => {
      if (name in of) return Reflect.get(of, name);
      const other = Reflect.get(encoder, name, encoder);
      if (typeof other !== 'function') return other;
      trace.isBroken = true;
      return other.bind(encoder);
    },
  });
}

/** Commands, to be submitted. */
export function encode(device: GPUDevice, commands: readonly Command[]): GPUCommandBuffer {
  const encoder = device.createCommandEncoder({ label: 'replay' });
  let pass: GPUComputePassEncoder | undefined;
  let last: GPUComputePipeline | undefined;
  for (const command of commands) {
    if ('pipeline' in command) {
      const { pipeline, group, counts } = command;
      pass ??= encoder.beginComputePass();
      if (pipeline !== last) pass.setPipeline(pipeline);
      last = pipeline;
      pass.setBindGroup(0, group);
      pass.dispatchWorkgroups(counts[0], counts[1], counts[2]);
      continue;
    }
    pass?.end();
    pass = undefined;
    last = undefined;
    const { from, fromAt, to, toAt, size } = command;
    encoder.copyBufferToBuffer(from, fromAt, to, toAt, size);
  }
  pass?.end();
  return encoder.finish();
}
