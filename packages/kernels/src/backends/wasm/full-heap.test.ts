import { SsmError } from '@densessm/ssm-core';
import { mulberry32 } from '@densessm/ssm-core/internal';
import { add, dispose, engine, findBackend, setBackend, type Tensor, type TensorInfo, tidy, zeros } from '@tensorflow/tfjs-core';
import { beforeEach, describe, expect, it } from 'vitest';
import { type KernelCheck, sampleTensor } from '../../checks/kernel-check';
import { kernelChecks } from '../../checks/list';
import { matMul } from '../../operations/matmul/kernel';

interface Backend {
  makeOutput(shape: number[], dtype: 'float32'): TensorInfo;
}

/** Takes the heap but for some holes of at most 1 KiB. Nothing is written there, so that it costs the machine no memory. */
function fillHeap(): Tensor[] {
  const backend = findBackend('wasm') as unknown as Backend;
  const taken: Tensor[] = [];
  for (let size = 2 ** 28; size >= 256; size = size / 4) {
    try {
      for (;;) taken.push(engine().makeTensorFromTensorInfo(backend.makeOutput([size], 'float32')));
    } catch (error) {
      if (!(error instanceof SsmError)) throw error;
    }
  }
  return taken;
}

function inputsOf({ inputs }: KernelCheck['samples'][string]): Record<string, Tensor> {
  const random = mulberry32(3);
  return Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, sampleTensor(input, random)]));
}

const valuesOf = async (tensors: readonly Tensor[]) => Promise.all(tensors.map(async (one) => [...(await one.data())]));

describe('a heap that cannot grow', () => {
  beforeEach(() => setBackend('wasm'));

  it.each(kernelChecks)('is no reason for $name to give a wrong number, or to leave something behind', async ({ samples, run }) => {
    for (const sample of Object.values(samples)) {
      const inputs = inputsOf(sample);
      const compute = (): Tensor[] => tidy(() => run(inputs, sample.attrs ?? {}));
      const want = compute();
      const taken = fillHeap();
      const before = engine().memory().numDataBuffers;
      let [error, got]: [unknown, Tensor[]] = [undefined, []];
      try {
        got = compute();
      } catch (thrown) {
        error = thrown;
      }
      const left = engine().memory().numDataBuffers - before - got.length;
      dispose(taken);
      expect(left).toBeLessThanOrEqual(0);
      if (error) expect(error).toMatchObject({ name: 'SsmError', code: 'BACKEND' });
      else expect(await valuesOf(got)).toEqual(await valuesOf(want));
      dispose([...Object.values(inputs), ...want, ...got]);
    }
  });

  it("is an error of our kernels and of tfjs's own, and is forgotten when there is room", async () => {
    const x = zeros([64, 64]);
    const taken = fillHeap();
    for (const attempt of [() => matMul({ a: x, b: x }), () => add(x, 1)]) expect(attempt).toThrow(SsmError);
    dispose(taken);
    const product = matMul({ a: x, b: x });
    expect((await product.data()).every((value) => value === 0)).toBe(true);
    dispose([x, product]);
  });
});
