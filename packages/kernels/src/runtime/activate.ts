import { engine, findBackendFactory, setBackend } from '@tensorflow/tfjs-core';

/** Makes a registered backend of tfjs the current one. @throws Error where it is not registered or does not start */
export async function activate(name: string): Promise<void> {
  if (findBackendFactory(name) === null) throw new Error(`tfjs's ${name} backend is not registered`);
  if (engine().backendName === name) return;
  // setBackend reports a failure on the console, and here as false
  if (!(await setBackend(name))) throw new Error(`tfjs's ${name} backend did not start`);
}
