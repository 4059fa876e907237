import { expectClose } from '@densessm/testing';
import {
  backend,
  dispose,
  findBackend,
  getKernel,
  setBackend,
  type Tensor,
  tensor2d,
  matMul as tfMatMul,
  zeros,
} from '@tensorflow/tfjs-core';
import { beforeEach, describe, expect, it } from 'vitest';
import { siluGrad, siluKernel } from '../../operations/activations/silu';
import { siluGate, siluGateGrad } from '../../operations/activations/silu-gate';
import { softplusGrad, softplusKernel } from '../../operations/activations/softplus';
import { adamwStep } from '../../operations/adamw-step/kernel';
import { causalConv1dGrad } from '../../operations/causal-conv1d/gradient';
import { causalConv1d } from '../../operations/causal-conv1d/kernel';
import { crossEntropyGrad } from '../../operations/cross-entropy/gradient';
import { crossEntropy } from '../../operations/cross-entropy/kernel';
import { decayScanGrad } from '../../operations/decay-scan/gradient';
import { decayScan } from '../../operations/decay-scan/kernel';
import { embedding, embeddingGrad } from '../../operations/embedding/kernel';
import { linearCrossEntropyKernel } from '../../operations/linear-cross-entropy/kernel';
import { matMul } from '../../operations/matmul/kernel';
import { rmsNormGrad } from '../../operations/rms-norm/gradient';
import { rmsNorm } from '../../operations/rms-norm/kernel';
import { selectiveScanGrad, selectiveScanGradOfC } from '../../operations/selective-scan/gradient';
import { selectiveScan } from '../../operations/selective-scan/kernel';
import { squareSum } from '../../operations/square-sum/kernel';
import type { WasmBackend } from './heap';
import { registerWasmKernels } from './register';

const wasm = (): WasmBackend => findBackend('wasm') as unknown as WasmBackend;
const heapBytes = (): number => wasm().wasm.asm?.memory?.buffer.byteLength as number;

/** Values of a matrix [rows, columns] that no two places share. */
const matrix = (rows: number, columns: number): Tensor =>
  tensor2d(
    Float32Array.from({ length: rows * columns }, (_, i) => Math.sin(i)),
    [rows, columns],
  );

beforeEach(async () => {
  await setBackend('wasm');
});

describe('registerWasmKernels', () => {
  it('makes the kernels that the parity suites run on wasm, once however often it is called', async () => {
    const { names } = await registerWasmKernels(backend());
    const kernels = [
      matMul,
      embedding,
      embeddingGrad,
      siluKernel,
      siluGrad,
      siluGate,
      siluGateGrad,
      softplusKernel,
      softplusGrad,
      causalConv1d,
      causalConv1dGrad,
      rmsNorm,
      rmsNormGrad,
      crossEntropy,
      crossEntropyGrad,
      linearCrossEntropyKernel,
      selectiveScan,
      selectiveScanGrad,
      selectiveScanGradOfC,
      decayScan,
      decayScanGrad,
      adamwStep,
      squareSum,
    ];
    expect(names).toEqual(kernels.map((kernel) => kernel.definition.name));
    expect((await registerWasmKernels(backend())).names).toEqual(names);
    for (const name of names) expect(getKernel(name, 'wasm')).toBeDefined();
  });

  it('works on a heap that has grown, whose views are all new', async () => {
    const [a, b] = [matrix(37, 61), matrix(61, 29)];
    const before = heapBytes();
    const large = zeros([before / 4]);
    expect(heapBytes()).toBeGreaterThan(before);
    const product = matMul({ a, b });
    await setBackend('cpu');
    const want = tfMatMul(a, b);
    await expectClose('product', want, product, 1e-5);
    dispose([a, b, large, product, want]);
  });

  it('frees what it takes: the same products again and again need no more memory', () => {
    const [a, b] = [matrix(1000, 1), matrix(1, 1000)];
    matMul({ a, b }).dispose();
    const before = heapBytes();
    for (let i = 0; i < 50; i++) matMul({ a, b }).dispose(); // 50 leaked outputs would be 200 MB
    expect(heapBytes()).toBe(before);
    dispose([a, b]);
  });

  it.each([null, undefined, 'wasm', {}])('refuses what is not a backend: %s', async (given) => {
    await expect(registerWasmKernels(given)).rejects.toThrow(/this backend has no memory to work on/);
  });

  it('refuses the cpu backend', async () => {
    await expect(registerWasmKernels(findBackend('cpu'))).rejects.toThrowErrorMatchingInlineSnapshot(`
      [SsmError: registerWasmKernels: this backend has no memory to work on.
        expected  tfjs's wasm backend, version 4.22, without threads
        got       a MathBackendCPU
        fix       await setBackend('wasm'), then pass findBackend('wasm')]
    `);
  });

  it('runs on a shared memory, and refuses threads on another', async () => {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 2, shared: true });
    const allocator = { _malloc: () => 0, _free: () => undefined };
    expect((await registerWasmKernels({ wasm: { asm: { memory }, ...allocator } })).threads).toBe(1);
    const threads = { spawn: () => ({ ready: Promise.resolve(), terminate: () => undefined }), threads: 2 };
    await expect(registerWasmKernels(wasm(), { threads })).rejects.toThrowErrorMatchingInlineSnapshot(`
      [SsmError: registerWasmKernels: threads have no memory in common.
        expected  a wasm backend on a shared WebAssembly.Memory
        got       2 threads for a backend on a memory of its own
        fix       start the backend through a runtime package with \`threads\`, or leave the threads out]
    `);
  });
});
