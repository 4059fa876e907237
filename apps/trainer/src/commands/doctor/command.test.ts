import { kernelChecks } from '@densessm/kernels/checks';
import { startBackend } from '@densessm/runtime-node';
import { SsmError } from '@densessm/ssm-core';
import { getKernel, onesLike, registerKernel, setBackend, type Tensor, unregisterKernel } from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { EXIT } from '../../io';
import { run } from '../../test-support/fake-io';
import { kernelReports, withoutWrong } from './kernels';

/** Why there is no WebGPU here; on CI, which installs SwiftShader, that is a failure. */
const missing = await startBackend({ device: 'webgpu' }).then(
  () => undefined,
  (error: unknown) => {
    if (process.env.CI || !(error instanceof SsmError)) throw error;
    return error.message;
  },
);
if (missing) process.stderr.write(`doctor is not tested on WebGPU. ${missing}\n`);

describe('densessm doctor', () => {
  it('looks at the machine and finds the kernels right', async () => {
    const { code, stdout } = await run(['doctor', '--json', '--kernels', 'RmsNorm', 'MatMul'], {
      env: { HF_HUB_CACHE: '/dev/null/cache' },
    });
    const report = JSON.parse(stdout);
    expect([code, report.ok, report.backend]).toEqual([EXIT.fine, true, 'wasm']);
    expect(report.kernels.map(({ name }: { name: string }) => name)).toEqual(['SsmRmsNorm', 'SsmMatMul']);
    expect(report.device).toMatchObject({ node: process.version, simd: true, threads: true, cache: { isWritable: false } });
  });

  it('shows them in a table', async () => {
    const { code, stdout } = await run(['doctor', '--device', 'cpu', '--kernels', 'MatMul', 'Exp']);
    expect(code).toBe(EXIT.fine);
    expect(stdout).toMatch(/^MatMul +\d+ +\S+ +\S+ +ok/m);
    expect(stdout).toMatch(/All 2 kernels agree with their references on cpu\.\n$/);
  });

  it.skipIf(missing)('finds kernels right on WebGPU', async () => {
    const { code, stdout } = await run(['doctor', '--device', 'webgpu', '--json', '--kernels', 'Silu', 'SquareSum', 'Cumsum']);
    const report = JSON.parse(stdout);
    expect([code, report.ok, report.backend]).toEqual([EXIT.fine, true, 'webgpu']);
    expect(report.kernels.map(({ name, ok }: { name: string; ok: boolean }) => [name, ok])).toEqual([
      ['SsmCumsum', true],
      ['SsmSilu', true],
      ['SsmSquareSum', true],
    ]);
  });

  it('refuses a kernel that does not exist', async () => {
    const refused = await run(['doctor', '--kernels', 'Mathmul']);
    expect(refused).toMatchObject({ code: EXIT.usage, stdout: '', stderr: expect.stringContaining('MatMul, MatMulF16, Linear') });
  });

  it('tells a kernel that is wrong', async () => {
    const first = kernelChecks.find(({ name }) => name === 'SsmRmsNorm');
    if (first === undefined) throw new Error('there is no such check');
    const wrong = { ...first, tolerance: 1e-12, name: 'Wrong' };
    const broken = {
      ...first,
      name: 'Broken',
      run: () => {
        throw new Error('no such instruction');
      },
    };
    const reports = [];
    for await (const report of kernelReports('wasm', [wrong, broken])) reports.push(report);
    expect(reports.map(({ name, ok }) => [name, ok])).toEqual([
      ['Wrong', false],
      ['Broken', false],
    ]);
    expect(reports[1]?.worst).toMatchObject({ quantity: 'the run itself', error: Infinity });
  });

  it('leaves a kernel that is wrong to its reference', async () => {
    const right = kernelChecks.find(({ name }) => name === 'SsmSquareSum');
    if (right === undefined) throw new Error('there is no such check');
    await setBackend('wasm');
    const version = getKernel('SsmSquareSum', 'wasm');
    unregisterKernel('SsmSquareSum', 'wasm');
    registerKernel({ ...version, kernelFunc: (call) => version.kernelFunc({ ...call, inputs: { x: onesLike(call.inputs.x as Tensor) } }) });
    const reports = [];
    for await (const report of kernelReports('wasm', [right])) reports.push(report);
    expect(reports.map(({ ok }) => ok)).toEqual([false]);
    expect(await withoutWrong('wasm', [right], reports)).toEqual([{ ...reports[0], isOff: true }]);
    expect(getKernel('SsmSquareSum', 'wasm')).toBeUndefined();
    registerKernel(version);
  });
});
