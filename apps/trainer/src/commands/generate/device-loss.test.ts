import { join } from 'node:path';
import { startBackend } from '@densessm/runtime-node';
import { SsmError } from '@densessm/ssm-core';
import { findBackend } from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EXIT } from '../../io';
import { main } from '../../main';
import { fakeIo } from '../../test-support/fake-io';
import { testFolder, writeTinyModel } from '../../test-support/tiny-model';

/** Why there is no WebGPU here; on CI, which installs SwiftShader, that is a failure. */
const missing = await startBackend({ device: 'webgpu' }).then(
  () => undefined,
  (error: unknown) => {
    if (process.env.CI || !(error instanceof SsmError)) throw error;
    return error.message;
  },
);
if (missing) process.stderr.write(`A lost device of the command is not tested. ${missing}\n`);

describe.skipIf(missing)('a text of the command whose device is lost', () => {
  let folder: Awaited<ReturnType<typeof testFolder>>;
  beforeAll(async () => {
    folder = await testFolder();
    await writeTinyModel(join(folder.path, 'model'));
  });
  afterAll(() => folder.remove());

  /** Writes a text; the device goes away after so many pieces of it. */
  async function written(pieces: number): Promise<{ code: number; stdout: string; stderr: string }> {
    const io = fakeIo({ cwd: folder.path });
    const write = (text: string): void => {
      io.stdout.write(text);
      if (--pieces === 0) (findBackend('webgpu') as unknown as { device: GPUDevice }).device.destroy();
    };
    const argv = ['generate', 'model', '--device', 'webgpu', '--prompt', 'Hi', '--max-tokens', '12', '--seed', '3'];
    return { code: await main(argv, { ...io, stdout: { ...io.stdout, write } }), ...io.written() };
  }

  it('goes on as it would have, and says so', async () => {
    const want = await written(Number.POSITIVE_INFINITY);
    expect(want).toMatchObject({ code: EXIT.fine, stderr: expect.not.stringContaining('lost') });
    const { code, stdout, stderr } = await written(2);
    expect(code, stderr).toBe(EXIT.fine);
    expect(stdout).toBe(want.stdout);
    expect(stderr).toMatch(/warning: .*device was lost\. The model was loaded again/);
  });
});
