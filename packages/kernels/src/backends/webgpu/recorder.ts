/// <reference types="@webgpu/types" />
import type { DataType, Tensor } from '@tensorflow/tfjs-core';
import type { Recorder, Recording } from '../../recording';
import { BUFFER_USAGE } from './buffers';
import { COMMANDS_PER_SUBMIT, type Gpu } from './gpu';
import { type Command, encode, Trace, watched } from './recorded-commands';
import { RecordedMemory } from './recorded-memory';
import { LastingUniforms } from './uniform-ring';

/** Commands of a replay between two submits: the device begins with the first ones while the host writes the others. */
const COMMANDS_PER_PIECE = 128;

/** Where a tensor lies, and what it is. */
interface Place {
  readonly buffer: GPUBuffer;
  readonly shape: number[];
  readonly dtype: DataType;
  /** Of the values in the buffer: tfjs casts integers to floats by changing the type of the tensor alone. */
  readonly stored: DataType;
}

/** Records functions of tensors on a device: whatever is recorded for it meanwhile, by our kernels and by tfjs's own. */
export class GpuRecorder implements Recorder {
  private readonly recordings = new Set<GpuRecording>();

  constructor(private readonly gpu: Gpu) {
    const pool = gpu.backend.bufferManager;
    const release = pool.releaseBuffer.bind(pool);
    pool.releaseBuffer = (buffer, reuse) => {
      for (const recording of this.recordings) if (recording.keeps(buffer)) return;
      release(buffer, reuse);
    };
  }

  record(inputs: readonly Tensor[], run: (inputs: readonly Tensor[]) => Tensor[]): [Tensor[], Recording] {
    const recording = new GpuRecording(this.gpu, inputs, () => this.recordings.delete(recording));
    this.recordings.add(recording);
    try {
      return [recording.run(run), recording];
    } catch (error) {
      recording.dispose();
      throw error;
    }
  }
}

class GpuRecording implements Recording {
  private readonly inputs: Place[];
  private outputs: Place[] = [];
  private readonly uniforms: LastingUniforms;
  private readonly memory: RecordedMemory;
  private readonly commands: Command[] = [];
  private readonly trace = new Trace();
  /** Buffers of tensors that are older than the recording and no inputs. */
  private readonly foreign = new Set<GPUBuffer>();
  private isDisposed = false;
  isStale = false;

  constructor(
    private readonly gpu: Gpu,
    inputs: readonly Tensor[],
    private readonly forget: () => void,
  ) {
    const { device, bufferManager } = gpu.backend;
    this.uniforms = new LastingUniforms(device, COMMANDS_PER_SUBMIT);
    this.memory = new RecordedMemory(bufferManager);
    this.inputs = inputs.map((tensor) => {
      const { size } = gpu.bufferOf(tensor);
      const buffer = device.createBuffer({ label: 'recorded input', size, usage: BUFFER_USAGE.storage });
      return this.placeOf(tensor, buffer);
    });
    this.copyInputs(inputs);
  }

  get count(): number {
    return this.commands.length;
  }

  /** Whether a buffer that is given back stays with the recording. */
  keeps(buffer: GPUBuffer): boolean {
    if (this.foreign.has(buffer)) this.isStale = true;
    return this.memory.takesBack(buffer);
  }

  run(run: (inputs: readonly Tensor[]) => Tensor[]): Tensor[] {
    const { gpu, memory, commands, trace } = this;
    const own = new Set(this.inputs.map(({ buffer }) => buffer));
    const others = new Map<GPUBuffer, number>([...own].map((buffer, i) => [buffer, -1 - i]));
    const numberOf = (buffer: GPUBuffer): number => {
      if (!own.has(buffer) && !memory.owns(buffer) && !this.uniforms.has(buffer)) this.foreign.add(buffer);
      const number = memory.numberOf(buffer) ?? others.get(buffer) ?? -1 - others.size;
      if (number < 0) others.set(buffer, number);
      return number;
    };
    const given = this.inputs.map((place) => this.tensorAt(place));
    const runAndSubmit = (): Tensor[] => {
      const outputs = run(given);
      for (const tensor of outputs) gpu.bufferOf(tensor);
      gpu.submit(); // buffers that are free now come back while they are still taken
      return outputs;
    };
    try {
      const outputs = gpu.withUniforms(this.uniforms, () =>
        memory.while(() => watched(gpu.backend, { commands, trace, numberOf }, runAndSubmit)),
      );
      this.outputs = outputs.map((tensor) => {
        const data = gpu.backend.tensorMap.get(tensor.dataId);
        data.external = true;
        return this.placeOf(tensor, data.resource as GPUBuffer);
      });
      return outputs;
    } finally {
      for (const tensor of given) tensor.dispose();
    }
  }

  equals(other: Recording): boolean {
    return other instanceof GpuRecording && this.trace.equals(other.trace);
  }

  replay(inputs: readonly Tensor[]): Tensor[] {
    const { device } = this.gpu.backend;
    this.gpu.failures.check();
    this.copyInputs(inputs);
    for (let first = 0; first < this.commands.length; first += COMMANDS_PER_PIECE)
      device.queue.submit([encode(device, this.commands.slice(first, first + COMMANDS_PER_PIECE))]);
    return this.outputs.map((place) => this.tensorAt(place));
  }

  dispose(): void {
    if (this.isDisposed) return;
    this.isDisposed = true;
    this.gpu.submit(); // what reads the outputs comes before what will write to their memory
    this.forget();
    this.memory.giveBack(this.outputs.map(({ buffer }) => buffer));
    for (const { buffer } of this.inputs) buffer.destroy();
    this.uniforms.destroy();
    this.commands.length = 0;
    this.foreign.clear();
  }

  /** After all that was recorded before. */
  private copyInputs(inputs: readonly Tensor[]): void {
    const { gpu } = this;
    const sources = inputs.map((tensor) => gpu.bufferOf(tensor));
    gpu.submit();
    const encoder = gpu.backend.device.createCommandEncoder();
    for (const [i, { buffer }] of this.inputs.entries()) encoder.copyBufferToBuffer(sources[i] as GPUBuffer, 0, buffer, 0, buffer.size);
    gpu.backend.device.queue.submit([encoder.finish()]);
  }

  private placeOf({ shape, dtype, dataId }: Tensor, buffer: GPUBuffer): Place {
    return { buffer, shape, dtype, stored: this.gpu.backend.tensorMap.get(dataId).dtype };
  }

  private tensorAt({ buffer, shape, dtype, stored }: Place): Tensor {
    const { backend } = this.gpu;
    const tensor = backend.createTensorFromGPUData({ buffer, zeroCopy: true }, shape, dtype);
    backend.tensorMap.get(tensor.dataId).dtype = stored;
    return tensor;
  }
}
