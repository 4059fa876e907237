/// <reference types="@webgpu/types" />
import { type DataType, dispose, engine, type Tensor } from '@tensorflow/tfjs-core';
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
      const isKept = [...this.recordings].some((recording) => recording.takesBack(buffer));
      if (!isKept) release(buffer, reuse);
      this.lose(buffer);
    };
    gpu.onDestroy = (buffer) => this.lose(buffer);
    const { failures } = gpu;
    const { onLack } = failures;
    failures.onLack = (buffer) => {
      onLack(buffer);
      for (const recording of [...this.recordings]) recording.lack(buffer);
    };
  }

  /** A buffer that recordings may read from goes. */
  private lose(buffer: GPUBuffer): void {
    for (const recording of [...this.recordings]) recording.lose(buffer);
  }

  record(inputs: readonly Tensor[], run: (inputs: readonly Tensor[]) => Tensor[]): Recording {
    const recording = new GpuRecording(this.gpu, inputs, () => this.recordings.delete(recording));
    this.recordings.add(recording);
    try {
      recording.run(run);
      return recording;
    } catch (error) {
      recording.dispose();
      throw error;
    }
  }
}

class GpuRecording implements Recording {
  private readonly inputs: Place[];
  private results: Place[] = [];
  private readonly uniforms: LastingUniforms;
  private readonly memory: RecordedMemory;
  private readonly commands: Command[] = [];
  private readonly trace = new Trace();
  /** Buffers of tensors that are older than the recording and no inputs. */
  private readonly foreign = new Set<GPUBuffer>();
  private isDisposed = false;
  bytes = 0;
  isStale = false;
  onStale: () => void = () => undefined;

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
    this.copyInputs(this.sourcesOf(inputs));
  }

  get count(): number {
    return this.commands.length;
  }

  /** Whether a buffer that is given back stays with the recording. */
  takesBack(buffer: GPUBuffer): boolean {
    return this.memory.takesBack(buffer);
  }

  /** A buffer now belongs to others, or is gone. */
  lose(buffer: GPUBuffer): void {
    if (this.foreign.has(buffer)) this.spoil();
  }

  /** There was no room for a buffer: commands that name it come to nothing. */
  lack(buffer: GPUBuffer): void {
    if (this.memory.owns(buffer) || this.inputs.some((place) => place.buffer === buffer)) this.spoil();
  }

  private spoil(): void {
    if (this.isStale) return;
    this.isStale = true;
    this.onStale();
  }

  run(run: (inputs: readonly Tensor[]) => Tensor[]): void {
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
      this.results = outputs.map((tensor) => {
        const data = gpu.backend.tensorMap.get(tensor.dataId);
        data.external = true;
        return this.placeOf(tensor, data.resource as GPUBuffer);
      });
      dispose(outputs);
      this.bytes = this.inputs.reduce((sum, { buffer }) => sum + buffer.size, memory.bytes + this.uniforms.bytes);
    } finally {
      for (const tensor of given) tensor.dispose();
    }
  }

  equals(other: Recording): boolean {
    return other instanceof GpuRecording && this.trace.equals(other.trace);
  }

  replay(inputs: readonly Tensor[]): boolean {
    const { device } = this.gpu.backend;
    this.gpu.failures.check();
    const sources = this.sourcesOf(inputs);
    if (this.isStale) return false;
    this.copyInputs(sources);
    for (let first = 0; first < this.commands.length; first += COMMANDS_PER_PIECE)
      device.queue.submit([encode(device, this.commands.slice(first, first + COMMANDS_PER_PIECE))]);
    return true;
  }

  outputs(): Tensor[] {
    return this.results.map((place) => this.tensorAt(place));
  }

  copies(): Tensor[] {
    const { gpu, results } = this;
    const made = results.map(({ shape, dtype, stored }) => {
      const info = gpu.tensor(shape, dtype);
      gpu.backend.tensorMap.get(info.dataId).dtype = stored;
      return info;
    });
    const targets = made.map((info) => gpu.bufferOf(info)); // before the encoder is asked for: memory for large ones hands over what was recorded
    gpu.backend.ensureCommandEncoderReady();
    gpu.backend.endComputePassEncoder();
    for (const [i, { buffer }] of results.entries())
      gpu.backend.commandEncoder?.copyBufferToBuffer(buffer, 0, targets[i] as GPUBuffer, 0, buffer.size);
    gpu.submit(); // before the next replay
    return made.map((info) => engine().makeTensorFromTensorInfo(info));
  }

  dispose(): void {
    if (this.isDisposed) return;
    this.isDisposed = true;
    this.gpu.submit(); // what reads the outputs comes before what will write to their memory
    this.forget();
    this.memory.giveBack(this.results.map(({ buffer }) => buffer));
    for (const { buffer } of this.inputs) buffer.destroy();
    this.uniforms.destroy();
    this.commands.length = 0;
    this.foreign.clear();
    this.bytes = 0;
  }

  /** Where inputs lie. All that was done before is handed over, and what was disposed of goes: this recording may become stale by it. */
  private sourcesOf(inputs: readonly Tensor[]): readonly GPUBuffer[] {
    const sources = inputs.map((tensor) => this.gpu.bufferOf(tensor));
    this.gpu.submit();
    return sources;
  }

  private copyInputs(sources: readonly GPUBuffer[]): void {
    const { device } = this.gpu.backend;
    const encoder = device.createCommandEncoder();
    for (const [i, { buffer }] of this.inputs.entries()) encoder.copyBufferToBuffer(sources[i] as GPUBuffer, 0, buffer, 0, buffer.size);
    device.queue.submit([encoder.finish()]);
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
