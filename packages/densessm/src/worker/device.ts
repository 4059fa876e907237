import { checkKernel, kernelChecks } from '@densessm/kernels/checks';
import { startBackend } from '@densessm/runtime-web';
import type { CommandCall } from '@densessm/runtime-web/messages';
import { setBackend } from '@tensorflow/tfjs-core';
import type { DeviceFacts, KernelReport } from '../web/worker-client';
import type { DeviceArgs } from './commands';

/** What the worker computes on: started once, by the first command. */
export class WorkerDevice {
  #args: DeviceArgs | undefined;
  #started: Promise<DeviceFacts> | undefined;

  /** How to start; the first call's arguments count. @throws SsmError BACKEND, OPTION */
  start(args: DeviceArgs): Promise<DeviceFacts> {
    this.#args ??= args;
    return this.started();
  }

  started(): Promise<DeviceFacts> {
    this.#started ??= begin(this.#args ?? {}).catch((error: unknown) => {
      this.#started = undefined; // another try may go well
      this.#args = undefined;
      throw error;
    });
    return this.#started;
  }
}

async function begin({ device, threads, wasmUrl }: Partial<DeviceArgs>): Promise<DeviceFacts> {
  const { backend, reason } = await startBackend({ device: device as never, threads, wasmUrl });
  const { hardwareConcurrency = 1, gpu } = (globalThis.navigator ?? {}) as Navigator & { gpu?: unknown };
  const isIsolated = globalThis.crossOriginIsolated === true;
  return { backend, reason, isIsolated, cores: hardwareConcurrency, hasWebGpu: gpu !== undefined };
}

/** Of the bound; nothing at all is nearer than something. */
const shareOf = ({ error, bound }: { error: number; bound: number }): number => (error === 0 ? 0 : error / bound);

/** Lets messages through, so that the page can cancel. */
async function turn(signal: AbortSignal): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve));
  signal.throwIfAborted();
}

/** Compares every kernel with its reference, which runs on the cpu backend. Changes the backend on and on: nothing else may run beside it. */
export async function checkKernels(device: WorkerDevice, { signal, tell }: CommandCall<KernelReport>): Promise<KernelReport[]> {
  const { backend } = await device.started();
  await startBackend({ device: 'cpu' });
  await setBackend(backend);
  const reports: KernelReport[] = [];
  for (const check of kernelChecks) {
    let worst: { error: number; bound: number } | undefined;
    let [comparisons, isRight] = [0, true];
    for await (const one of checkKernel(check, backend)) {
      comparisons++;
      isRight &&= one.error <= one.bound;
      if (worst === undefined || shareOf(one) > shareOf(worst)) worst = one;
      await turn(signal);
    }
    if (worst === undefined) continue;
    const report = { name: check.name, comparisons, error: worst.error, bound: worst.bound, isRight };
    reports.push(report);
    await tell(report);
  }
  return reports;
}
