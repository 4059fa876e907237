import { mulberry32, SsmError, valueAndGrads } from '@densessm/ssm-core';
import { describeKernelParity, distance, sampleTensor } from '@densessm/testing';
import { dispose, memory, profile, type Scalar, setBackend, sum, type Tensor, zeros } from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { selectiveScanGrad } from './gradient';
import type { SelectiveScanInputs } from './inputs';
import { selectiveScan } from './kernel';

interface Extras {
  /** 0 is B and C without a group axis. */
  groups?: number;
  skip?: boolean;
  start?: boolean;
}

/** A is negative and delta positive, as in a model. */
function inputsOf([B, T, E, N]: [number, number, number, number], { groups = 0, skip = true, start = true }: Extras = {}) {
  const perToken = { shape: groups ? [B, T, groups, N] : [B, T, N] };
  return {
    u: { shape: [B, T, E] },
    delta: { shape: [B, T, E], value: (_: number, random: () => number) => 0.05 + random() },
    A: { shape: [E, N], value: (_: number, random: () => number) => -0.1 - 2 * random() },
    B: perToken,
    C: perToken,
    ...(skip && { D: { shape: [E] } }),
    ...(start && { h0: { shape: [B, E, N] } }),
  };
}

const samples = {
  'one token': { inputs: inputsOf([2, 1, 3, 4]) },
  'one token from nothing': { inputs: inputsOf([1, 1, 5, 2], { start: false, skip: false }) },
  'one token, two groups': { inputs: inputsOf([3, 1, 4, 5], { groups: 2 }) },
  'two tokens': { inputs: inputsOf([1, 2, 3, 5]) },
  'a square of tokens': { inputs: inputsOf([2, 9, 3, 4]) },
  'a padded last chunk': { inputs: inputsOf([2, 11, 3, 5], { skip: false }) },
  'three groups': { inputs: inputsOf([2, 7, 6, 4], { groups: 3 }) },
  'a group per channel': { inputs: inputsOf([1, 5, 3, 2], { groups: 3, start: false }) },
  'three segments': { inputs: inputsOf([2, 13, 3, 4]), attrs: { stateValues: 130 } },
  'more tokens than a chunk, three lanes over': { inputs: inputsOf([2, 70, 7, 16]) },
  'chunks of eight tokens, many states': { inputs: inputsOf([1, 19, 5, 130], { start: false }) },
  'one state value, groups that do not fill four lanes': { inputs: inputsOf([2, 67, 10, 1], { groups: 2 }) },
  'segments of one token': { inputs: inputsOf([1, 4, 6, 3], { groups: 2 }), attrs: { stateValues: 1 } },
};
describeKernelParity(selectiveScan, samples, 1e-5);

const gradientSamples = Object.entries(samples).map(([name, { inputs, ...rest }]) => {
  const like = { shape: inputs.u.shape };
  const state = { shape: [inputs.u.shape[0] as number, ...inputs.A.shape] };
  return [name, { inputs: { ...inputs, dy: like, dhT: state }, ...rest }] as const;
});
describeKernelParity(selectiveScanGrad, Object.fromEntries(gradientSamples), 1e-5);

const tensorsOf = (inputs: ReturnType<typeof inputsOf>): SelectiveScanInputs => {
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
      const inputs = tensorsOf(inputsOf([1, length, 3, 2]));
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
    const inputs = tensorsOf(inputsOf([2, 40, 3, 5]));
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
