import { openTfjsModule, type TfjsModuleFactory } from '@densessm/kernels/runtime';
import { SsmError } from '@densessm/ssm-core';
import { BackendWasm } from '@tensorflow/tfjs-backend-wasm';
import factory from '@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm.js';

export const WASM_FILE = 'tfjs-backend-wasm-simd.wasm';
/** How every WebAssembly module begins. */
const MAGIC = '\0asm';

/** tfjs's wasm backend from where a server has its binary, on a memory that threads can share or on one of its own. */
export async function openWasm(url: string | URL, isShared: boolean): Promise<BackendWasm> {
  const module = await openTfjsModule(factory as unknown as TfjsModuleFactory, await fetchBinary(url), isShared);
  return new BackendWasm(module as unknown as ConstructorParameters<typeof BackendWasm>[0]);
}

async function fetchBinary(url: string | URL): Promise<Uint8Array> {
  const response = await fetch(url).catch((cause: unknown) => {
    throw noBinary(String(url), String(cause), cause);
  });
  const bytes = new Uint8Array(await response.arrayBuffer());
  const isModule = String.fromCharCode(...bytes.subarray(0, MAGIC.length)) === MAGIC;
  if (response.ok && isModule) return bytes;
  const type = response.headers.get('content-type') ?? 'something else';
  throw noBinary(response.url || String(url), response.ok ? type : `status ${response.status}`);
}

const noBinary = (url: string, got: string, cause?: unknown): SsmError =>
  new SsmError(
    {
      code: 'BACKEND',
      what: `startBackend: ${WASM_FILE} of @tensorflow/tfjs-backend-wasm is not at ${url}.`,
      expected: 'a WebAssembly module',
      got,
      fix: `copy the file there from node_modules/@tensorflow/tfjs-backend-wasm/dist, or say in \`wasmUrl\` where it is`,
    },
    { cause },
  );
