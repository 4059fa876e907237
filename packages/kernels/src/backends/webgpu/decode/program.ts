/// <reference types="@webgpu/types" />
import type { PackedMatrix, TokenChooser } from '@densessm/ssm-core';
import { backend as currentBackend, engine, type Tensor, tensor } from '@tensorflow/tfjs-core';
import { disposedDecoder } from '../../../decode/errors';
import type { DecodeProgram, StateBuffer } from '../../../decode/program';
import type {
  ConvolutionStep,
  DecayStep,
  DenseSumStep,
  GatedUnitStep,
  GatherStep,
  ProductStep,
  RmsNormStep,
  RotateStep,
  ScaleStep,
  SelectiveStep,
  SiluStep,
  TimeStepsStep,
  UniformsStep,
} from '../../../decode/recorded-steps';
import type { Slot } from '../../../decode/slot';
import type { Gpu } from '../gpu';
import { foreignMatrix, otherBackend } from '../packed/errors';
import { GpuMatrix } from '../packed/packed-matrix';
import { Arena, offsetOf } from './arena';
import { type GpuChooser, gpuChooser } from './chooser';
import { Commands } from './commands';
import { type Around, canConvolve, gatherDispatches, productDispatches } from './products';
import { convolutionDispatch, decayDispatch, selectiveDispatch } from './scans';
import { Staging } from './staging';
import type { StepDispatch } from './step';
import {
  denseSumDispatch,
  gatedUnitDispatch,
  rmsNormDispatch,
  rotateDispatch,
  scaleDispatch,
  siluDispatch,
  timeStepsDispatch,
} from './values';

const FLOAT_BYTES = 4;

const sizeOf = ({ shape }: StateBuffer): number => shape.reduce((product, one) => product * one, 1);

/**
 * {@link DecodeProgram} on a GPU: a dispatch for each step, on slots of one buffer, bound once. A token is one submit, made when its values are read, and
 * while the GPU computes it the commands of the next are encoded.
 */
export class GpuDecodeProgram implements DecodeProgram {
  readonly where: string;
  readonly batch: number;
  readonly #gpu: Gpu;
  readonly #arena: Arena;
  readonly #ids: Slot;
  readonly #steps: StepDispatch[] = [];
  /** A norm that the products behind it may do, and those products, which may do a convolution: they become dispatches with the next other step. */
  #norm: RmsNormStep | undefined;
  #products: { readonly matrix: GpuMatrix; readonly step: ProductStep; around: Around }[] = [];
  readonly #uniforms: (Pick<UniformsStep, 'size' | 'next' | 'mark'> & { readonly offset: number; readonly values: Float32Array })[] = [];
  readonly #matrices = new Set<GpuMatrix>();
  readonly #staging: Staging;
  #chooser: GpuChooser | undefined;
  /** Whether the logits are those after the last token. */
  #isCurrent = false;
  #commands: Commands | undefined;
  /** Commands of a token that was submitted to us, and of one to come. */
  #waiting: GPUCommandBuffer | undefined;
  #next: GPUCommandBuffer | undefined;
  #isDisposed = false;

  constructor(gpu: Gpu, { where, batch }: Pick<DecodeProgram, 'where' | 'batch'>) {
    this.where = where;
    this.batch = batch;
    this.#gpu = gpu;
    this.#arena = new Arena(gpu, where);
    this.#ids = this.#arena.reserve(batch);
    this.#staging = new Staging(gpu, where);
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

  gather({ matrix, y }: GatherStep): void {
    this.#add(...gatherDispatches(this.#ownMatrix(matrix), this.batch, offsetOf(this.#ids), { y }));
  }

  setUniforms({ to, size, next, mark }: UniformsStep): void {
    this.#uniforms.push({ offset: offsetOf(to), size, values: new Float32Array(size), next, mark });
  }

  scale(step: ScaleStep): void {
    this.#add(scaleDispatch(step, this.batch));
  }

  products(steps: readonly ProductStep[]): void {
    const isRead = steps.some(({ x }) => this.#norm !== undefined && offsetOf(x) === offsetOf(this.#norm.y));
    const norm = isRead ? this.#norm : undefined;
    if (isRead) this.#norm = undefined;
    this.#settle();
    this.#products = steps.map((step) => {
      const isNormed = norm !== undefined && offsetOf(step.x) === offsetOf(norm.y);
      return { matrix: this.#ownMatrix(step.matrix), step, around: isNormed ? { norm } : {} };
    });
  }

  rmsNorm(step: RmsNormStep): void {
    const { isForProducts, gate, groupSize = step.width } = step;
    const canWait = isForProducts && !gate && groupSize === step.width;
    this.#settle();
    if (canWait) this.#norm = step;
    else this.#add(rmsNormDispatch(step, this.batch));
  }

  convolution(step: ConvolutionStep): void {
    const product = this.#products.find(({ matrix, step: own }) => canConvolve(matrix, own, step));
    if (product?.around.convolution === undefined && product) product.around = { ...product.around, convolution: step };
    else this.#add(convolutionDispatch(step, this.batch));
  }

  /** A step behind all that come before it. */
  #add(...dispatches: readonly StepDispatch[]): void {
    this.#settle();
    this.#steps.push(...dispatches);
  }

  #settle(): void {
    if (this.#norm) this.#steps.push(rmsNormDispatch(this.#norm, this.batch));
    this.#norm = undefined;
    for (const { matrix, step, around } of this.#products.splice(0))
      this.#steps.push(...productDispatches(matrix, this.batch, step, around));
  }

  selective(step: SelectiveStep): void {
    this.#add(selectiveDispatch(step, this.batch));
  }

  decay(step: DecayStep): void {
    this.#add(decayDispatch(step, this.batch));
  }

  silu(step: SiluStep): void {
    this.#add(siluDispatch(step, this.batch));
  }

  denseSum(step: DenseSumStep): void {
    this.#add(denseSumDispatch(step, this.batch));
  }

  rotate(step: RotateStep): void {
    this.#add(rotateDispatch(step, this.batch));
  }

  gatedUnit(step: GatedUnitStep): void {
    this.#add(gatedUnitDispatch(step, this.batch));
  }

  timeSteps(step: TimeStepsStep): void {
    this.#add(timeStepsDispatch(step, this.batch));
  }

  submit(ids: ArrayLike<number>): void {
    this.#begin();
    this.#arena.write(offsetOf(this.#ids), Float32Array.from(ids));
    for (const { offset, values, next } of this.#uniforms) {
      next(values);
      this.#arena.write(offset, values);
    }
    this.#waiting = this.#next ?? this.#encode();
    this.#next = undefined;
    this.#isCurrent = true;
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
      commands: () => this.#recorded(),
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

  async load(buffers: readonly StateBuffer[], tensors: readonly Tensor[]): Promise<void> {
    const values = (await Promise.all(tensors.map((one) => one.data()))) as Float32Array[];
    this.#refuseDisposed();
    this.#flush();
    this.#isCurrent = false;
    this.#chooser?.forget();
    for (const [i, { slot }] of buffers.entries()) this.#arena.write(offsetOf(slot), values[i] as Float32Array);
  }

  tensorOf(buffer: StateBuffer): Tensor {
    this.#refuseDisposed();
    this.#gpu.failures.check();
    this.#refuseOtherBackend();
    const size = sizeOf(buffer);
    if (size === 0) return tensor([], [...buffer.shape], 'float32');
    const made = this.#gpu.tensor([...buffer.shape]);
    const encoder = this.#gpu.backend.device.createCommandEncoder();
    this.#arena.copy(encoder, offsetOf(buffer.slot), size, this.#gpu.bufferOf(made));
    this.#flush(encoder.finish());
    return engine().makeTensorFromTensorInfo(made);
  }

  dispose(): void {
    this.#isDisposed = true;
    this.#waiting = undefined;
    this.#next = undefined;
    this.#arena.dispose();
    this.#commands?.dispose();
    this.#commands = undefined;
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
      next(values.subarray(at, at + size));
      at += size;
    }
  }

  #recorded(): Commands {
    this.#settle();
    this.#commands ??= new Commands(this.#gpu, this.#steps, this.#arena.buffer);
    return this.#commands;
  }

  #encode(): GPUCommandBuffer {
    return this.#recorded().encode();
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
