import { checkpointed, disposeGrads, valueAndGrads } from '@densessm/ssm-core';
import { keptForBackward } from '@densessm/testing';
import { add, dispose, mul, randomUniform, type Scalar, setBackend, sum, type Tensor, type Tensor3D, tile } from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import type { SelectiveScanInputs } from './inputs';
import { selectiveScan } from './kernel';
import { readStates, type ScanStates, selectiveScanShown } from './shown-states';

type Read = Required<Pick<SelectiveScanInputs, 'u' | 'delta' | 'A' | 'B' | 'C' | 'h0'>>;

const [B, T, E, N] = [2, 7, 5, 3];
const random = (shape: number[], low: number, high: number, seed: number) => randomUniform(shape, low, high, 'float32', seed);
const someInputs = (): Read =>
  ({
    u: random([B, T, E], -1, 1, 1),
    delta: random([B, T, E], 0.1, 1, 2),
    A: random([E, N], -2, -0.1, 3),
    B: random([B, T, N], -1, 1, 4),
    C: random([B, T, N], -1, 1, 5),
    h0: random([B, E, N], -1, 1, 6),
  }) as unknown as Read;

/** What others read here depends on y, as it does in a model. */
const nextC = (y: Tensor3D): Tensor3D => tile(sum(mul(y, y), 2, true), [1, 1, N]) as Tensor3D;

const shownLoss = (inputs: Read): Scalar => {
  const [y, hT, [states]] = selectiveScanShown(inputs, 1) as [Tensor3D, Tensor3D, [ScanStates]];
  return sum(add(sum(readStates(states, nextC(y))), sum(hT)));
};
const plainLoss = (inputs: Read): Scalar => {
  const [y, hT] = selectiveScan(inputs);
  return sum(add(sum(selectiveScan({ ...inputs, C: nextC(y) })[0]), sum(hT)));
};

describe('states that others read', () => {
  beforeAll(() => setBackend('cpu'));

  it.each([
    ['as they are', shownLoss],
    [
      'in a layer that is computed again',
      (inputs: Read) => {
        const show = (given: Read) => selectiveScanShown(given, 1);
        const [y, hT, [states]] = checkpointed(show, inputs, {}) as [Tensor3D, Tensor3D, [ScanStates]];
        const read = (given: { states: ScanStates; y: Tensor3D }) => readStates(given.states, nextC(given.y));
        return sum(add(sum(checkpointed(read, { states, y }, {})), sum(hT))) as Scalar;
      },
    ],
  ])('have the gradients of a scan for each read: %s', async (_, loss) => {
    const inputs = someInputs();
    const [want, got] = [valueAndGrads(plainLoss, inputs), valueAndGrads(loss, inputs)];
    expect((await got.value.data())[0]).toBeCloseTo((await want.value.data())[0] as number, 3);
    for (const name of Object.keys(inputs) as (keyof Read)[]) {
      const [expected, values] = [await (want.grads[name] as Tensor).data(), await (got.grads[name] as Tensor).data()];
      for (const [i, value] of expected.entries()) expect(values[i], `${name} ${i}`).toBeCloseTo(value, 3);
    }
    for (const result of [want, got]) disposeGrads(result);
    dispose(Object.values(inputs));
  });

  it('cost the tape no more than a scan for each read', () => {
    const inputs = someInputs();
    expect(keptForBackward(shownLoss, inputs).bytes).toBeLessThan(keptForBackward(plainLoss, inputs).bytes);
    dispose(Object.values(inputs));
  });

  it('may stay unread', async () => {
    const inputs = someInputs();
    const [want, got] = [selectiveScan, (given: Read) => selectiveScanShown(given, 2)].map((scan) =>
      valueAndGrads((given: Read) => sum(scan(given)[0] as Tensor) as Scalar, inputs),
    );
    expect(await got?.grads.u?.data()).toEqual(await want?.grads.u?.data());
    for (const result of [want, got]) if (result) disposeGrads(result);
    dispose(Object.values(inputs));
  });

  it('are read once each, since the gradient of a second read would be lost', () => {
    const inputs = someInputs();
    const [y, hT, [states]] = selectiveScanShown(inputs, 1) as [Tensor3D, Tensor3D, [ScanStates]];
    const read = readStates(states, inputs.C);
    expect(() => readStates(states, inputs.C)).toThrowErrorMatchingInlineSnapshot(`
      [SsmError: readStates: these states were read before.
        expected  states for each read
        got       the same again
        fix       ask selectiveScanShown for as many readers as there are reads]
    `);
    dispose([y, hT, read, ...(Object.values(states) as Tensor[]), ...Object.values(inputs)]);
  });
});
