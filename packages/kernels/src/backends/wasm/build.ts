import { SsmError } from '@densessm/ssm-core';
import { wasmKernels } from '../../generated/wasm-kernels';
import { withSharedMemory } from './shared-memory';

/** 'relaxed' joins a product and a sum in one operation where the processor can, which rounds once instead of twice. */
export type SimdBuild = keyof typeof wasmKernels;

/** A compiled build of our kernels, and what it exports on a memory. */
export interface LoadedBuild {
  readonly simd: SimdBuild;
  readonly module: WebAssembly.Module;
  readonly exports: WebAssembly.Exports;
  readonly memory: WebAssembly.Memory;
}

/** Chosen so that the square's last bit is lost where it is rounded before the sum. */
const PROBE = 1 + 2 ** -12;

/**
 * Instantiates our kernels on a memory. Without a wish it takes the relaxed build where that compiles and passes its numeric
 * self-test, and the standard one elsewhere: engines differ, and one that has the operations may still compute them wrongly.
 * @throws SsmError BACKEND where the build does not run here.
 */
export async function loadBuild(memory: WebAssembly.Memory, wish?: SimdBuild): Promise<LoadedBuild> {
  if (wish !== undefined) return load(memory, wish);
  return load(memory, 'relaxed').catch(() => load(memory, 'standard'));
}

export const isShared = ({ buffer }: WebAssembly.Memory): boolean =>
  typeof SharedArrayBuffer !== 'undefined' && (buffer as unknown) instanceof SharedArrayBuffer;

async function load(memory: WebAssembly.Memory, simd: SimdBuild): Promise<LoadedBuild> {
  try {
    const bytes = Uint8Array.from(atob(wasmKernels[simd]), (char) => char.charCodeAt(0));
    const fitting = isShared(memory) ? withSharedMemory(bytes) : bytes;
    const { module, instance } = await WebAssembly.instantiate(fitting, { env: { memory } });
    const { fusesProducts } = instance.exports as { fusesProducts(probe: number): number };
    if (simd === 'relaxed' && !fusesProducts(PROBE)) throw new Error('its products are not fused with sums');
    return { simd, module, exports: instance.exports, memory };
  } catch (cause) {
    throw cannotRun(simd, cause);
  }
}

const cannotRun = (simd: SimdBuild, cause: unknown): SsmError =>
  new SsmError(
    {
      code: 'BACKEND',
      what: 'registerWasmKernels: the kernels cannot run here.',
      expected: `WebAssembly with ${simd === 'relaxed' ? 'relaxed SIMD' : 'SIMD'}`,
      got: String(cause),
      fix: 'leave the fast kernels out',
    },
    { cause },
  );
