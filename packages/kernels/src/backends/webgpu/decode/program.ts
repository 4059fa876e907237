/// <reference types="@webgpu/types" />
import type { PackedMatrix, TokenChooser } from '@densessm/ssm-core';
import { backend as currentBackend, engine, type Tensor, tensor } from '@tensorflow/tfjs-core';
import { disposedDecoder } from '../../../decode/errors';
import { type DecodeProgram, rowsOf, type StateBuffer, valuesOfRow } from '../../../decode/program';
import type { UniformsStep } from '../../../decode/recorded-steps';
import { type Play, Recording } from '../../../decode/recording';
import type { Slot } from '../../../decode/slot';
import { BUFFER_USAGE } from '../buffers';
import type { Gpu } from '../gpu';
import { foreignMatrix, otherBackend } from '../packed/errors';
import { GpuMatrix } from '../packed/packed-matrix';
import { Arena, offsetOf } from './arena';
import { type GpuChooser, gpuChooser } from './chooser';
import { Commands } from './commands';
import { Staging } from './staging';
import { GpuSteps, type ProgramRoom } from './steps';

const FLOAT_BYTES = 4;

/**
 * {@link DecodeProgram} on a GPU: a dispatch for each step, on slots of one buffer, bound once. A token is one submit, made when its values are read, and
 * while the GPU computes it the commands of the next are encoded.
 */
export class GpuDecodeProgram extends Recording implements DecodeProgram {
  readonly where: string;
  readonly batch: number;
  readonly #gpu: Gpu;
  readonly #arena: Arena;
  readonly #ids: Slot;
  readonly #room: ProgramRoom;
  /** The dispatches of a token for all rows, which are made as they come. */
  readonly #all: GpuSteps;
  readonly #uniforms: (Pick<UniformsStep, 'size' | 'next' | 'mark'> & { readonly offset: number; readonly values: Float32Array })[] = [];
  readonly #matrices = new Set<GpuMatrix>();
  readonly #staging: Staging;
  #chooser: GpuChooser | undefined;
  /** Whether the logits are those after the last token of all rows. */
  #isCurrent = false;
  /** The commands of a token, by the number of rows. */
  readonly #commands = new Map<number, Commands>();
  /** Commands of a token that was submitted to us, and of one to come of as many rows. */
  #waiting: GPUCommandBuffer | undefined;
  #next: GPUCommandBuffer | undefined;
  #rows: number;
  /** Where rows are copied through. */
  #passage: GPUBuffer | undefined;
  #isDisposed = false;

  constructor(gpu: Gpu, { where, batch }: Pick<DecodeProgram, 'where' | 'batch'>) {
    super();
    this.where = where;
    this.batch = batch;
    this.#rows = batch;
    this.#gpu = gpu;
    this.#arena = new Arena(gpu, where);
    this.#ids = this.#arena.reserve(batch);
    this.#staging = new Staging(gpu, where);
    const mostBuffers = gpu.limits.maxStorageBuffersPerShaderStage - 1;
    this.#room = { ids: offsetOf(this.#ids), mostBuffers, ownMatrix: (matrix) => this.#ownMatrix(matrix) };
    this.#all = new GpuSteps(this.#room, batch);
  }

  zeros(floats: number): Slot {
    return this.#arena.reserve(floats);
  }

  constant(values: Float32Array): Slot {
    return this.#arena.constant(values);
  }

  async constantOf(given: Tensor): Promise<Slot> {
    return this.constant((await given.data()) as Float32Array);
  }

  /** Made at once for all rows, so that errors come while the program is recorded. */
  protected override keep(play: Play): void {
    play(this.#all);
    super.keep(play);
  }

  override setUniforms(step: UniformsStep): void {
    super.setUniforms(step);
    const { to, size, next, mark } = step;
    this.#uniforms.push({ offset: offsetOf(to), size, values: new Float32Array(size), next, mark });
  }

  submit(ids: ArrayLike<number>): void {
    this.#begin();
    this.#arena.write(offsetOf(this.#ids), Float32Array.from(ids));
    for (const { offset, values, next } of this.#uniforms) {
      next(values, ids.length);
      this.#arena.write(offset, values);
    }
    const rows = this.#rowsFor(ids.length);
    const isReady = rows === this.#rows;
    this.#rows = rows;
    this.#waiting = (isReady ? this.#next : undefined) ?? this.#encode();
    this.#next = undefined;
    this.#isCurrent = ids.length === this.batch;
  }

  async read(from: Slot, into: Float32Array): Promise<Float32Array> {
    this.#refuseDisposed();
    const bytes = into.length * FLOAT_BYTES;
    const staging = this.#staging.take(bytes);
    const encoder = this.#gpu.backend.device.createCommandEncoder();
    this.#arena.copy(encoder, offsetOf(from), into.length, staging);
    this.#flush(encoder.finish());
    const reading = this.#staging.read(staging, (mapped) => into.set(new Float32Array(mapped, 0, into.length)));
    this.#next ??= this.#encode();
    await reading;
    return into;
  }

  chooserOf(logits: Slot, vocabSize: number): TokenChooser | undefined {
    const [gpu, arena, staging] = [this.#gpu, this.#arena, this.#staging];
    const isCurrent = (): boolean => this.#isCurrent;
    this.#chooser = gpuChooser({
      ...{ where: this.where, batch: this.batch, gpu, arena, staging, vocabSize, uniforms: this.#uniforms },
      ...{ logits: offsetOf(logits), slot: offsetOf(this.#ids) },
      get isCurrent() {
        return isCurrent();
      },
      commands: () => this.#recorded(this.batch),
      begin: () => this.#begin(),
      nextUniforms: (values) => this.#nextUniforms(values),
      mark: () => {
        const marks = this.#uniforms.map(({ mark }) => mark());
        return () => {
          for (const back of marks) back();
        };
      },
      submit: (ids) => this.submit(ids),
      readLogits: () => this.read(logits, new Float32Array(this.batch * vocabSize)),
    });
    return this.#chooser;
  }

  async load(buffers: readonly StateBuffer[], tensors: readonly Tensor[], first = 0): Promise<void> {
    const values = (await Promise.all(tensors.map((one) => one.data()))) as Float32Array[];
    this.#refuseDisposed();
    this.#flush();
    this.#isElsewhere();
    for (const [i, buffer] of buffers.entries()) this.#arena.write(placeOf(buffer, first), values[i] as Float32Array);
  }

  tensorOf(buffer: StateBuffer, row?: number): Tensor {
    this.#refuseDisposed();
    this.#gpu.failures.check();
    this.#refuseOtherBackend();
    const shape = rowsOf(buffer, row === undefined ? this.batch : 1);
    const size = (shape[0] as number) * valuesOfRow(buffer);
    if (size === 0) return tensor([], shape, 'float32');
    const made = this.#gpu.tensor(shape);
    const encoder = this.#gpu.backend.device.createCommandEncoder();
    this.#arena.copy(encoder, placeOf(buffer, row ?? 0), size, this.#gpu.bufferOf(made));
    this.#flush(encoder.finish());
    return engine().makeTensorFromTensorInfo(made);
  }

  /** Through another buffer, since nothing is copied inside of one. */
  copyRow(buffers: readonly StateBuffer[], from: number, to: number): void {
    this.#refuseDisposed();
    const bytes = FLOAT_BYTES * buffers.reduce((sum, buffer) => sum + valuesOfRow(buffer), 0);
    if (bytes === 0) return;
    const { device } = this.#gpu.backend;
    this.#passage ??= device.createBuffer({ label: this.where, size: bytes, usage: BUFFER_USAGE.passage });
    const encoder = device.createCommandEncoder();
    let at = 0;
    for (const buffer of buffers) at += this.#arena.copy(encoder, placeOf(buffer, from), valuesOfRow(buffer), this.#passage, at);
    at = 0;
    for (const buffer of buffers) at += this.#arena.copyBack(encoder, this.#passage, at, placeOf(buffer, to), valuesOfRow(buffer));
    this.#flush(encoder.finish());
    this.#isElsewhere();
  }

  dispose(): void {
    this.#isDisposed = true;
    this.#waiting = undefined;
    this.#next = undefined;
    this.#arena.dispose();
    this.#passage?.destroy();
    for (const commands of this.#commands.values()) commands.dispose();
    this.#commands.clear();
    this.#chooser?.dispose();
    this.#staging.dispose();
  }

  /** Hands over the token that waits. @throws SsmError where no other can follow */
  #begin(): void {
    this.#refuseDisposed();
    this.#gpu.failures.check(); // ahead of what is amiss once the device was lost
    for (const matrix of this.#matrices) matrix.check();
    this.#refuseOtherBackend();
    this.#flush();
  }

  #nextUniforms(values: Float32Array): void {
    let at = 0;
    for (const { size, next } of this.#uniforms) {
      next(values.subarray(at, at + size), this.batch);
      at += size;
    }
  }

  /** Rows have states that no token led to. */
  #isElsewhere(): void {
    this.#isCurrent = false;
    this.#chooser?.forget();
  }

  #recorded(rows: number): Commands {
    const known = this.#commands.get(rows);
    if (known) return known;
    const steps = rows === this.batch ? this.#all : new GpuSteps(this.#room, rows);
    if (steps !== this.#all) this.playTo(steps);
    const commands = new Commands(this.#gpu, steps.dispatches, this.#arena.buffer);
    this.#commands.set(rows, commands);
    return commands;
  }

  #encode(): GPUCommandBuffer {
    return this.#recorded(this.#rows).encode();
  }

  /** A power of two, since shaders are compiled for each number of rows: those behind what was asked for read any tokens. */
  #rowsFor(count: number): number {
    return Math.min(this.batch, 2 ** Math.ceil(Math.log2(Math.max(1, count))));
  }

  /** Hands over the token that waits, and what comes behind it. */
  #flush(behind?: GPUCommandBuffer): void {
    const commands = [this.#waiting, behind].filter((one) => one !== undefined);
    this.#waiting = undefined;
    if (commands.length > 0) this.#gpu.backend.device.queue.submit(commands);
  }

  #ownMatrix(matrix: PackedMatrix): GpuMatrix {
    if (!(matrix instanceof GpuMatrix)) throw foreignMatrix(this.where);
    this.#matrices.add(matrix);
    return matrix;
  }

  #refuseDisposed(): void {
    if (this.#isDisposed) throw disposedDecoder(this.where);
  }

  #refuseOtherBackend(): void {
    if (currentBackend() !== (this.#gpu.backend as unknown)) throw otherBackend(this.where, engine().backendName);
  }
}

/** Where a row of a buffer lies, in floats. */
const placeOf = (buffer: StateBuffer, row: number): number => offsetOf(buffer.slot) + row * valuesOfRow(buffer);
