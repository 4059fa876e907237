/// <reference types="@webgpu/types" />
import { SsmError } from '@densessm/ssm-core';

/** A label as Dawn writes it into its messages. */
const LABEL = /(?:ShaderModule(?:Descriptor)?|ComputePipeline(?:Descriptor)?|BindGroup(?:Descriptor)?) "+([^"]+)"+/;

/**
 * Errors of a device. WebGPU throws none: a shader that does not compile and a command that is not valid leave results as they were, and are told to
 * a listener later. They are kept here, and thrown by the next call of a kernel or the next reading of a tensor, whichever comes first.
 */
export class DeviceFailures {
  private first: SsmError | undefined;
  private lostBecause: string | undefined;

  constructor(device: GPUDevice) {
    const sizes = watchBuffers(device);
    device.addEventListener('uncapturederror', (event) => {
      event.preventDefault(); // what will be thrown need not be on the console as well
      const { error } = event;
      const text = error.message;
      this.first ??= error.constructor.name === 'GPUOutOfMemoryError' ? outOfMemory(text, sizes()) : refused(LABEL.exec(text)?.[1], text);
    });
    void device.lost.then(({ reason, message }) => {
      this.lostBecause = `${reason}: ${message}`;
    });
  }

  /** What a compiler says of a shader; where an error was told before, and names it too, that one stays. */
  addCompilation(name: string, messages: readonly GPUCompilationMessage[]): void {
    const error = messages.find(({ type }) => type === 'error');
    if (error) this.first ??= refused(name, `line ${error.lineNum}: ${error.message}`);
  }

  /** @throws SsmError BACKEND once for what was kept, and always after the device was lost */
  check(): void {
    const { first } = this;
    this.first = undefined;
    if (first) throw first;
    if (this.lostBecause !== undefined) throw lost(this.lostBecause);
  }
}

const refused = (name: string | undefined, message: string): SsmError =>
  new SsmError({
    code: 'BACKEND',
    what: `webgpu: ${name ?? 'an operation'} failed on this device.`,
    expected: 'a valid shader and valid commands',
    got: message.trim().split('\n').slice(0, 3).join(' '),
    fix: "please report it with the device's name; device 'wasm' computes the same on the CPU",
  });

/** Buffers that are told of: an error comes to light a few of them later. */
const REMEMBERED = 32;

const megabytes = (bytes: number): string => `${(bytes / 1e6).toPrecision(3)} MB`;

/** Refuses a buffer that the device never has room for, and remembers how large the last ones were, and all together. */
function watchBuffers(device: GPUDevice): () => string {
  const make = device.createBuffer.bind(device);
  let last: number[] = [];
  device.createBuffer = (described) => {
    const { size } = described;
    if (size > device.limits.maxBufferSize) throw tooLarge(size, device.limits.maxBufferSize);
    last = [...last.slice(1 - REMEMBERED), size];
    return make(described);
  };
  return () => megabytes(Math.max(0, ...last));
}

const tooLarge = (bytes: number, most: number): SsmError =>
  new SsmError({
    code: 'BACKEND',
    what: 'webgpu: the device has no buffers of this size.',
    expected: `at most ${megabytes(most)}`,
    got: megabytes(bytes),
    fix: 'take a smaller batch, shorter sequences or a smaller model',
  });

const outOfMemory = (message: string, largest: string): SsmError =>
  new SsmError({
    code: 'BACKEND',
    what: 'webgpu: the device is out of memory.',
    expected: 'room for another buffer',
    got: `none; the largest asked for of late has ${largest}: ${message.trim().split('\n')[0] ?? ''}`,
    fix: 'take a smaller batch, shorter sequences or a smaller model, or close other programs that use the GPU',
  });

const lost = (because: string): SsmError =>
  new SsmError({
    code: 'BACKEND',
    what: 'webgpu: the device was lost.',
    expected: 'a device that works',
    got: because,
    fix: 'call startBackend again for a new device; tensors on the lost one are gone, so load the model or resume the run',
  });
