import type { WebGpuPlatform } from '@densessm/kernels/runtime';
import { SsmError } from '@densessm/ssm-core';

/** The browser's WebGPU, in pages and in workers. */
export const webGpu: WebGpuPlatform = {
  openGpu: async () => {
    const { gpu } = (globalThis.navigator ?? {}) as { gpu?: GPU };
    if (gpu === undefined) throw noWebGpu();
    return gpu;
  },
  withoutAdapter: "turn on hardware acceleration in the browser's settings and update the graphics driver; or use device 'wasm'",
  openBackend: async (device, adapterInfo) => {
    const { WebGPUBackend } = await import('@tensorflow/tfjs-backend-webgpu');
    return new WebGPUBackend(device, adapterInfo);
  },
};

const noWebGpu = (): SsmError =>
  new SsmError({
    code: 'BACKEND',
    what: "startBackend: device 'webgpu' could not be started.",
    expected: 'a browser with WebGPU',
    got: globalThis.isSecureContext === false ? 'a page that is not secure, which has no navigator.gpu' : 'no navigator.gpu',
    fix: "serve the page over https or from localhost, and use a browser that has WebGPU; or use device 'wasm'",
  });
