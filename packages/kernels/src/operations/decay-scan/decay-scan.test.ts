import { SsmError, valueAndGrads } from '@densessm/ssm-core';
import { mulberry32 } from '@densessm/ssm-core/internal';
import { describeKernelChecks, expectClose, sampleTensor } from '@densessm/testing';
import { add, dispose, mul, type Scalar, setBackend, sum, type Tensor, type TypedArray, zeros } from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { decayScanChecks, decayScanSample } from './checks';
import type { DecayScanInputs } from './inputs';
import { decayScan } from './kernel';

describeKernelChecks(decayScanChecks);

const tensorsOf = (inputs: ReturnType<typeof decayScanSample>): DecayScanInputs => {
  const random = mulberry32(11);
  return Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, sampleTensor(input, random)])) as never;
};

/** Outputs, last state and every gradient, of a loss that depends on both outputs. */
async function everything(inputs: DecayScanInputs, chunkSize: number): Promise<Map<string, TypedArray>> {
  const random = mulberry32(12);
  const weights = [inputs.v.shape, [inputs.q.shape[0], ...inputs.q.shape.slice(2), inputs.v.shape[3] as number]];
  const [wo, ws] = weights.map((shape) => sampleTensor({ shape }, random)) as [Tensor, Tensor];
  const [o, sT] = decayScan(inputs, { chunkSize });
  const loss = (given: DecayScanInputs) => {
    const [output, state] = decayScan(given, { chunkSize });
    return add(sum(mul(output, wo)), sum(mul(state, ws))) as Scalar;
  };
  const { value, grads } = valueAndGrads(loss, inputs);
  const named = { o, sT, ...(grads as Record<string, Tensor>) };
  const values = new Map<string, TypedArray>();
  for (const [name, tensor] of Object.entries(named)) values.set(name, await tensor.data());
  dispose([wo, ws, value, ...Object.values(named)]);
  return values;
}

describe('decayScan', () => {
  it.each([
    ['weak decay', { strongest: 0.05 }],
    ['strong decay', { strongest: 12 }],
    ['one decay per head', { strongest: 0.2, constant: true }],
  ])('gives one answer for every chunk size, and on wasm, which chooses its own: %s', async (_, extras) => {
    await setBackend('cpu');
    const inputs = tensorsOf(decayScanSample([2, 83, 3, 5, 4], extras));
    const recurrent = await everything(inputs, 1);
    for (const [backend, chunkSize] of [...[16, 1000].map((size) => ['cpu', size] as const), ['wasm', 64] as const]) {
      await setBackend(backend);
      const chunked = await everything(inputs, chunkSize);
      for (const [name, values] of recurrent) {
        await expectClose(`${name}, chunks of ${chunkSize} on ${backend}`, values, chunked.get(name) ?? [], 1e-5);
      }
    }
    dispose(Object.values(inputs));
  });

  it('lets no decay overflow where tokens would gain from the future', async () => {
    await setBackend('wasm');
    const inputs = tensorsOf(decayScanSample([1, 40, 1, 2, 2], { strongest: 60 }));
    for (const values of (await everything(inputs, 40)).values()) expect(Array.from(values).every(Number.isFinite)).toBe(true);
    dispose(Object.values(inputs));
  });

  it.each([
    ['no tokens', { q: [2, 0, 3, 4], k: [2, 0, 3, 4], v: [2, 0, 3, 5], logDecay: [3] }, {}, 'T ≥ 1'],
    ['a decay for another number of heads', { logDecay: [4] }, {}, '"H":3'],
    ['a state of the wrong width', { s0: [2, 3, 5, 4] }, {}, '[B, H, K, V]'],
    ['a chunk of no tokens', {}, { chunkSize: 0 }, 'an integer ≥ 1'],
  ])('refuses %s', async (_, shapes, attrs, expected) => {
    await setBackend('cpu');
    const usual = { q: [2, 6, 3, 4], k: [2, 6, 3, 4], v: [2, 6, 3, 5], logDecay: [2, 6, 3] };
    const inputs = Object.fromEntries(Object.entries({ ...usual, ...shapes }).map(([name, shape]) => [name, zeros(shape)]));
    const attempt = () => decayScan(inputs as never, attrs);
    expect(attempt).toThrowError(SsmError);
    expect(attempt).toThrowError(expected);
    dispose(Object.values(inputs));
  });
});
