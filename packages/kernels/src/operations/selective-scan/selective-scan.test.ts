import { SsmError, valueAndGrads } from '@densessm/ssm-core';
import { mulberry32 } from '@densessm/ssm-core/internal';
import { describeKernelChecks, distance, sampleTensor } from '@densessm/testing';
import { dispose, memory, profile, type Scalar, setBackend, sum, type Tensor, zeros } from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { selectiveScanChecks, selectiveScanSample } from './checks';
import type { SelectiveScanInputs } from './inputs';
import { selectiveScan } from './kernel';

describeKernelChecks(selectiveScanChecks);

const tensorsOf = (inputs: ReturnType<typeof selectiveScanSample>): SelectiveScanInputs => {
  const random = mulberry32(7);
  return Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, sampleTensor(input, random)])) as never;
};

/** h_t = exp(delta_t a) h_(t−1) + delta_t b_t u_t, y_t = c_t h_t token by token in float64: one channel, one state value. */
async function scalarScan({ u, delta, A, B, C }: SelectiveScanInputs): Promise<number[]> {
  const values = async (x: Tensor): Promise<number[]> => Array.from(await x.data());
  const [us, deltas, bs, cs] = [await values(u), await values(delta), await values(B), await values(C)];
  const a = (await values(A))[0] as number;
  let h = 0;
  return us.map((u_t, t) => {
    const step = deltas[t] as number;
    h = Math.exp(step * a) * h + step * (bs[t] as number) * u_t;
    return (cs[t] as number) * h;
  });
}

describe('selectiveScan', () => {
  it.each([0.01, 1, 90])('keeps its accuracy over a long text (A = -%d)', async (rate) => {
    await setBackend('wasm');
    const random = mulberry32(3);
    const sequence = { shape: [1, 2500, 1] };
    const inputs = Object.fromEntries(
      Object.entries({
        u: sequence,
        delta: { ...sequence, value: (_: number, draw: () => number) => 0.05 + draw() },
        A: { shape: [1, 1], value: () => -rate },
        B: sequence,
        C: sequence,
      }).map(([name, input]) => [name, sampleTensor(input, random)]),
    ) as unknown as SelectiveScanInputs;
    const [y, hT] = selectiveScan(inputs);
    // a token's weight stays above 1e-7 for about 16 / (0.5 · 0.01) = 3200 tokens, each rounding 6e-8 of the state
    expect(distance(await scalarScan(inputs), await y.data()).relativeRms).toBeLessThan(1e-5);
    dispose([y, hT, ...Object.values(inputs)]);
  });

  it('lets the number of operations of its reference grow with the root of the length', async () => {
    await setBackend('cpu');
    const operations = async (length: number): Promise<number> => {
      const inputs = tensorsOf(selectiveScanSample([1, length, 3, 2]));
      const loss = (given: SelectiveScanInputs) => sum(selectiveScan(given)[0]) as Scalar;
      const { kernels } = await profile(() => {
        const { value, grads } = valueAndGrads(loss, inputs);
        dispose([value, ...(Object.values(grads) as Tensor[])]);
        return [];
      });
      dispose(Object.values(inputs));
      return kernels.length;
    };
    const [short, long] = [await operations(16), await operations(512)];
    expect(long).toBeLessThan(8 * short);
  });

  it('keeps its inputs and outputs for the backward, and no states', async () => {
    await setBackend('cpu');
    const inputs = tensorsOf(selectiveScanSample([2, 40, 3, 5]));
    const { value, grads } = valueAndGrads((given: SelectiveScanInputs) => {
      const before = memory().numDataBuffers;
      const [y] = selectiveScan(given);
      expect(memory().numDataBuffers - before, 'y and hT').toBe(2);
      return sum(y) as Scalar;
    }, inputs);
    dispose([value, ...(Object.values(grads) as Tensor[]), ...Object.values(inputs)]);
  });

  it.each<[string, object, string, object?]>([
    ['no room for a state', {}, 'a number above 0', { stateValues: 0 }],
    ['no tokens', { u: [2, 0, 4], delta: [2, 0, 4], B: [2, 0, 3], C: [2, 0, 3] }, 'T ≥ 1'],
    ['groups that do not divide the channels', { B: [2, 5, 3, 3], C: [2, 5, 3, 3] }, 'divides E'],
    ['groups in B alone', { B: [2, 5, 2, 3] }, 'one rank'],
    ['a state of another batch', { h0: [3, 4, 3] }, '[B, E, N]'],
  ])('refuses %s', async (_, shapes, expected, attrs = {}) => {
    await setBackend('cpu');
    const usual = { u: [2, 5, 4], delta: [2, 5, 4], A: [4, 3], B: [2, 5, 3], C: [2, 5, 3] };
    const inputs = Object.fromEntries(Object.entries({ ...usual, ...shapes }).map(([name, shape]) => [name, zeros(shape)]));
    const attempt = () => selectiveScan(inputs as never, attrs);
    expect(attempt).toThrowError(SsmError);
    expect(attempt).toThrowError(expected);
    dispose(Object.values(inputs));
  });
});
