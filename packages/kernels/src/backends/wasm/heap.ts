import { SsmError } from '@densessm/ssm-core';
import { type TensorInfo, util } from '@tensorflow/tfjs-core';

/** What we use of tfjs's `BackendWasm`: its allocator, and where its tensors lie. */
export interface WasmBackend {
  readonly wasm: {
    /** Emscripten's exports, in the build without threads. */
    readonly asm?: { readonly memory?: WebAssembly.Memory };
    _malloc(size: number): number;
    _free(address: number): void;
    /** Its list of tensors. */
    readonly tfjs?: { registerTensor(id: number, size: number, address: number): unknown };
  };
  readonly dataIdMap: { get(dataId: TensorInfo['dataId']): { memoryOffset: number } };
  makeOutput(shape: number[], dtype: 'float32'): TensorInfo;
  disposeData(dataId: TensorInfo['dataId']): boolean;
}

/**
 * The memory that our kernels share with tfjs's wasm backend. Addresses stay valid when the memory grows, views do not, so none are
 * kept. Tensors are made and freed by tfjs; two scratch buffers for all kernels are ours, and grow to the largest sizes asked for.
 */
export class Heap {
  readonly #backend: WasmBackend;
  #scratch = { address: 0, size: 0 };
  #shared = { address: 0, size: 0 };
  /** What malloc gave for each address of {@link allocate}. */
  readonly #given = new Map<number, number>();
  /** What the call at hand has made. */
  #outputs: TensorInfo[] | undefined;

  /** Also makes it an error for tfjs's own operations to find no room: they would write to address 0. */
  constructor(backend: WasmBackend) {
    this.#backend = backend;
    backend.wasm._free(backend.wasm._malloc(0)); // Emscripten's allocator takes its own place when it is first called
    const allocate = backend.wasm._malloc;
    backend.wasm._malloc = (size) => {
      const address = allocate(size);
      if (address === 0 && size > 0) throw heapIsFull(`${size} bytes more`);
      return address;
    };
    guardList(backend);
  }

  /** Runs a kernel; where it fails, frees the outputs that it has made. */
  call<T>(kernel: () => T): T {
    const outputs: TensorInfo[] = [];
    this.#outputs = outputs;
    try {
      return kernel();
    } catch (error) {
      for (const { dataId } of outputs) this.#backend.disposeData(dataId);
      throw error;
    } finally {
      this.#outputs = undefined;
    }
  }

  /** @throws SsmError BACKEND where the heap has no room. */
  output(shape: number[]): TensorInfo {
    const output = this.#backend.makeOutput(shape, 'float32');
    this.#outputs?.push(output);
    return output;
  }

  /** Address of a tensor's first byte. @throws SsmError BACKEND where the heap had no room for it. */
  address({ dataId, shape }: TensorInfo): number {
    const address = this.#backend.dataIdMap.get(dataId).memoryOffset >>> 0;
    if (address === 0 && util.sizeFromShape(shape) > 0) throw heapIsFull(`a tensor [${shape.join(', ')}]`);
    return address;
  }

  /** As {@link address}; 0 for an input that is left out. */
  addressOrNone(tensor: TensorInfo | undefined): number {
    return tensor ? this.address(tensor) : 0;
  }

  /** A copy of values in the memory, outside of it. */
  copyOf(address: number, size: number): Float32Array<ArrayBuffer> {
    return copied(new Float32Array(this.buffer, address, size));
  }

  /** The memory as it is now. Growth detaches it: do not keep it, nor views of it. */
  get buffer(): ArrayBuffer {
    const { memory } = this.#backend.wasm.asm as { memory: WebAssembly.Memory };
    return memory.buffer as ArrayBuffer;
  }

  /** Address of `size` bytes, all zero, that are the caller's until {@link free}; a multiple of 64. @throws SsmError BACKEND where the heap has no room. */
  allocate(size: number): number {
    const given = this.#backend.wasm._malloc(size + ALIGNMENT) >>> 0;
    const address = (Math.floor(given / ALIGNMENT) + 1) * ALIGNMENT;
    this.#given.set(address, given);
    new Uint8Array(this.buffer, address, size).fill(0);
    return address;
  }

  /** Frees what {@link allocate} gave. */
  free(address: number): void {
    const given = this.#given.get(address);
    if (given !== undefined) this.#backend.wasm._free(given);
    this.#given.delete(address);
  }

  /** Address of `size` bytes that any kernel may overwrite until it returns. @throws SsmError BACKEND where the heap has no room. */
  scratch(size: number): number {
    this.#scratch = this.#atLeast(size, this.#scratch);
    return this.#scratch.address;
  }

  /** As {@link scratch}, in another place: what several runs of one operation hand to each other. */
  shared(size: number): number {
    this.#shared = this.#atLeast(size, this.#shared);
    return this.#shared.address;
  }

  #atLeast(size: number, buffer: Buffer): Buffer {
    if (size <= buffer.size) return buffer;
    this.#backend.wasm._free(buffer.address);
    buffer.size = 0; // should there be no room
    buffer.address = 0;
    const address = this.#backend.wasm._malloc(size) >>> 0;
    return { address, size };
  }
}

/** As `slice`, which in V8 is up to fifty times slower where the memory is shared. */
export function copied<T extends Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer> | Uint8Array<ArrayBuffer>>(values: T): T {
  const copy = new (values.constructor as new (size: number) => T)(values.length);
  copy.set(values);
  return copy;
}

/** A cache line: no vector of what is allocated lies in two. */
const ALIGNMENT = 64;

interface Buffer {
  address: number;
  size: number;
}

/** Where the list of tensors finds no room to grow, Emscripten aborts the call: an error as any other, and the tensor's own place is free again. */
function guardList({ wasm }: WasmBackend): void {
  const { tfjs } = wasm;
  if (tfjs === undefined) return;
  const register = tfjs.registerTensor.bind(tfjs);
  tfjs.registerTensor = (id, size, address) => {
    try {
      return register(id, size, address);
    } catch (error) {
      if (!(error instanceof WebAssembly.RuntimeError)) throw error;
      wasm._free(address);
      throw heapIsFull(`a tensor of ${size} numbers`);
    }
  };
}

const heapIsFull = (got: string): SsmError =>
  new SsmError({
    code: 'BACKEND',
    what: 'wasm: the heap has no room left.',
    expected: 'no more than 4 GiB of tensors at a time',
    got,
    fix: 'dispose of tensors that are no longer needed (tidy), or use a smaller batch or model',
  });
