import { type PackedMatrix, SsmError } from '@densessm/ssm-core';
import { type Tensor, tensor } from '@tensorflow/tfjs-core';
import { disposedDecoder } from '../../../decode/errors';
import { type DecodeProgram, rowsOf, type StateBuffer, valuesOfRow } from '../../../decode/program';
import { type Play, Recording } from '../../../decode/recording';
import type { Slot } from '../../../decode/slot';
import type { Heap } from '../heap';
import { PackedLinear } from '../packed/packed-linear';
import { currentRuntime } from '../wasm-runtime';
import type { DecodeModule } from './module';
import { type ProgramRoom, WasmSteps } from './steps';
import { addressOf, FLOAT_BYTES, WasmSlot } from './wasm-slot';

/** {@link DecodeProgram} on the heap of tfjs's wasm backend: calls of our WebAssembly, no operation of tfjs, no tensor. It runs while it is submitted. */
export class WasmDecodeProgram extends Recording implements DecodeProgram {
  readonly where: string;
  readonly batch: number;
  readonly #heap: Heap;
  readonly #room: ProgramRoom;
  readonly #buffers: number[] = [];
  /** The calls of a token, by the number of rows. */
  readonly #steps = new Map<number, WasmSteps>();
  readonly #all: WasmSteps;
  readonly #matrices = new Set<PackedLinear>();
  /** Where products with integer weights have their quantized activations: one for each x of products that run as one. */
  readonly #activations: { address: number; bytes: number }[] = [];
  #ids: ArrayLike<number> = [];
  #isDisposed = false;

  /** @throws SsmError BACKEND where our kernels do not run on the backend in use */
  constructor({ where, batch }: Pick<DecodeProgram, 'where' | 'batch'>) {
    super();
    const { heap, module } = currentRuntime(where);
    this.where = where;
    this.batch = batch;
    this.#heap = heap;
    this.#room = this.#makeRoom(module as unknown as DecodeModule);
    this.#all = new WasmSteps(this.#room, batch);
    this.#steps.set(batch, this.#all);
  }

  #makeRoom(module: DecodeModule): ProgramRoom {
    const idsNow = (): ArrayLike<number> => this.#ids;
    return {
      module,
      matrices: this.#matrices,
      get ids() {
        return idsNow();
      },
      allocate: (floats) => this.#allocate(floats),
      view: (address, size) => this.#view(address, size),
      activationsAt: (index, bytes) => this.#activationsAt(index, bytes),
      ownMatrix: (matrix) => this.#ownMatrix(matrix),
    };
  }

  zeros(floats: number): Slot {
    return new WasmSlot(this.#allocate(floats));
  }

  constant(values: Float32Array): Slot {
    const address = this.#allocate(values.length);
    this.#view(address, values.length).set(values);
    return new WasmSlot(address);
  }

  async constantOf(given: Tensor): Promise<Slot> {
    return this.constant((await given.data()) as Float32Array);
  }

  /** Made at once for all rows, so that room is taken and errors come while the program is recorded. */
  protected override keep(play: Play): void {
    play(this.#all);
    super.keep(play);
  }

  submit(ids: ArrayLike<number>): void {
    this.#refuseDisposed();
    this.#ids = ids;
    let bytes = 0;
    for (const matrix of this.#matrices) {
      matrix.check();
      bytes += matrix.sizeBytes;
    }
    const runtime = currentRuntime(this.where);
    const { calls } = this.#stepsOf(Math.min(this.batch, Math.max(1, ids.length)));
    const runSteps = (): void => {
      for (const step of calls) Array.isArray(step) ? runtime.runAll(step) : step();
    };
    const [first] = this.#matrices;
    first ? runtime.prefetchOf(first.type).read(bytes, runSteps) : runSteps();
  }

  read(from: Slot, into: Float32Array): Promise<Float32Array> {
    if (this.#isDisposed) return Promise.reject(disposedDecoder(this.where));
    into.set(this.#view(addressOf(from), into.length));
    return Promise.resolve(into);
  }

  async load(buffers: readonly StateBuffer[], tensors: readonly Tensor[], first = 0): Promise<void> {
    const values = (await Promise.all(tensors.map((one) => one.data()))) as Float32Array[];
    this.#refuseDisposed();
    for (const [i, buffer] of buffers.entries()) {
      const own = values[i] as Float32Array;
      this.#view(this.#addressOfRow(buffer, first), own.length).set(own);
    }
  }

  tensorOf(buffer: StateBuffer, row?: number): Tensor {
    this.#refuseDisposed();
    const rows = row === undefined ? this.batch : 1;
    const values = this.#heap.copyOf(this.#addressOfRow(buffer, row ?? 0), rows * valuesOfRow(buffer));
    return tensor(values, rowsOf(buffer, rows));
  }

  copyRow(buffers: readonly StateBuffer[], from: number, to: number): void {
    this.#refuseDisposed();
    for (const buffer of buffers) {
      const size = valuesOfRow(buffer);
      this.#view(this.#addressOfRow(buffer, to), size).set(this.#view(this.#addressOfRow(buffer, from), size));
    }
  }

  dispose(): void {
    this.#isDisposed = true;
    for (const address of this.#buffers.splice(0)) this.#heap.free(address);
  }

  #stepsOf(rows: number): WasmSteps {
    const known = this.#steps.get(rows);
    if (known) return known;
    const steps = new WasmSteps(this.#room, rows);
    this.playTo(steps);
    this.#steps.set(rows, steps);
    return steps;
  }

  #addressOfRow(buffer: StateBuffer, row: number): number {
    return addressOf(buffer.slot) + FLOAT_BYTES * row * valuesOfRow(buffer);
  }

  #allocate(floats: number): number {
    const address = this.#heap.allocate(FLOAT_BYTES * floats);
    this.#buffers.push(address);
    return address;
  }

  /** Not to be kept: the heap may grow. */
  #view(address: number, size: number): Float32Array {
    return new Float32Array(this.#heap.buffer, address, size);
  }

  #ownMatrix(matrix: PackedMatrix): PackedLinear {
    if (matrix instanceof PackedLinear) return matrix;
    throw new SsmError({
      code: 'WEIGHTS',
      what: `${this.where}: a matrix is not packed for the backend in use.`,
      expected: 'matrices that packParams made on the wasm backend',
      got: 'one that another backend packed',
      fix: 'pack or load the params again on this backend',
    });
  }

  #activationsAt(index: number, bytes: number): number {
    const known = this.#activations[index];
    if (known && known.bytes >= bytes) return known.address;
    const address = this.#allocate(bytes / FLOAT_BYTES);
    this.#activations[index] = { address, bytes };
    return address;
  }

  #refuseDisposed(): void {
    if (this.#isDisposed) throw disposedDecoder(this.where);
  }
}
