import { access, constants, mkdir } from 'node:fs/promises';
import { arch, availableParallelism, cpus, freemem, homedir, platform, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { getHeapStatistics } from 'node:v8';
import type { Io } from '../../io';

/** What the machine has that matters here. */
export interface DeviceFacts {
  readonly node: string;
  readonly system: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly freeMemoryBytes: number;
  /** What JavaScript's own heap may grow to; tensors lie outside of it. */
  readonly heapLimitBytes: number;
  readonly simd: boolean;
  readonly relaxedSimd: boolean;
  /** Shared memory and atomics. */
  readonly threads: boolean;
  /** WebAssembly memories beyond 4 GiB. */
  readonly memory64: boolean;
  readonly cache: { readonly folder: string; readonly isWritable: boolean };
}

/** One function each, of which a machine without the feature refuses the module: type (func) or (func (result i32)), a body of the instruction. */
const module = (body: readonly number[], memory: readonly number[] = []): Uint8Array<ArrayBuffer> =>
  Uint8Array.from([
    ...[0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0],
    ...memory,
    ...[10, body.length + 4, 1, body.length + 2, 0],
    ...body,
    11,
  ]);
const ZERO = [65, 0];
/** i32.const 0, i8x16.splat */
const VECTOR = [...ZERO, 0xfd, 15];
const SIMD = module([...VECTOR, 26]);
/** i8x16.relaxed_swizzle: 0xfd, LEB128 of 0x100 */
const RELAXED = module([...VECTOR, ...VECTOR, 0xfd, 0x80, 0x02, 26]);
/** A shared memory of at most one page, and atomic.fence. */
const THREADS = module([0xfe, 3, 0], [5, 4, 1, 3, 1, 1]);
/** A memory with 64-bit addresses. */
const MEMORY64 = module([], [5, 3, 1, 4, 1]);

/** Looks at the machine, and computes nothing. */
export async function deviceFacts(io: Io): Promise<DeviceFacts> {
  const folder = cacheFolder(io);
  return {
    node: process.version,
    system: `${platform()} ${release()} ${arch()}`,
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    freeMemoryBytes: freemem(),
    heapLimitBytes: getHeapStatistics().heap_size_limit,
    simd: WebAssembly.validate(SIMD),
    relaxedSimd: WebAssembly.validate(RELAXED),
    threads: WebAssembly.validate(THREADS),
    memory64: WebAssembly.validate(MEMORY64),
    cache: { folder, isWritable: await isWritable(folder) },
  };
}

/** Where downloads lie, by the rules of Python's huggingface_hub, which runtime-node follows. */
function cacheFolder({ env }: Io): string {
  const home = env.HF_HOME || join(env.XDG_CACHE_HOME || join(env.HOME || homedir(), '.cache'), 'huggingface');
  return env.HF_HUB_CACHE || env.HUGGINGFACE_HUB_CACHE || join(home, 'hub');
}

async function isWritable(folder: string): Promise<boolean> {
  try {
    await mkdir(folder, { recursive: true });
    await access(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
