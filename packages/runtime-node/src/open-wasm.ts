import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { openTfjsModule, type TfjsModuleFactory } from '@densessm/kernels/runtime';
import { BackendWasm } from '@tensorflow/tfjs-backend-wasm';

const FOLDER = '@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm';

/** tfjs's wasm backend from its files, on a memory that threads can share or on one of its own. */
export async function openWasm(isShared: boolean): Promise<BackendWasm> {
  const require = createRequire(import.meta.url);
  const binary = await readFile(require.resolve(`${FOLDER}-simd.wasm`));
  const module = await openTfjsModule(require(`${FOLDER}.js`) as TfjsModuleFactory, binary, isShared);
  return new BackendWasm(module as unknown as ConstructorParameters<typeof BackendWasm>[0]);
}
