import { startBackend } from '@densessm/runtime-node';
import { SsmError } from '@densessm/ssm-core';

/** Starts WebGPU for a file of tests; else says why there is no device, and that the file is skipped. On CI, which installs one, that is a failure. */
export async function missingDevice(file: string): Promise<string | undefined> {
  try {
    await startBackend({ device: 'webgpu' });
    return undefined;
  } catch (error) {
    if (process.env.CI || !(error instanceof SsmError)) throw error;
    const missing = `${error.message}\nTests of WebGPU need a GPU, or SwiftShader: apt-get install chromium`;
    process.stderr.write(`${file} is skipped. ${missing}\n`);
    return missing;
  }
}
