import { SsmError } from '@densessm/ssm-core';
import { backend, getBackend } from '@tensorflow/tfjs-core';
import type { DecodeModule } from './decode/module';
import type { Machine } from './machine';

/** Of each backend that our kernels were registered for, where they run now. */
const machines = new WeakMap<object, Machine<DecodeModule>>();

export function rememberMachine(wasmBackend: object, machine: Machine<DecodeModule>): void {
  machines.set(wasmBackend, machine);
}

/** Where our kernels run on the backend in use. @throws SsmError BACKEND where they do not */
export function currentMachine(where: string): Machine<DecodeModule> {
  const machine = machines.get(backend());
  if (machine) return machine;
  throw new SsmError({
    code: 'BACKEND',
    what: `${where}: the backend in use does not run our WebAssembly.`,
    expected: "tfjs's wasm backend, with our kernels registered",
    got: getBackend(),
    fix: "startBackend({ device: 'wasm' }) of a runtime package, or registerWasmKernels(findBackend('wasm'))",
  });
}
