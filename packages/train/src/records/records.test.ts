import type { SequenceModel } from '@densessm/ssm-core';
import { memory, setBackend, type Tensor3D, tensor3d } from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type GateRecord, gateStatistics, parseRecordLine, type RunRecord, recordLine } from '../index';
import { belongsBefore } from '../internal';
import { summarizeGate } from './gate-statistics';

const step = {
  type: 'step',
  step: 7,
  wallTime: 1.5,
  loss: 2.25,
  learningRate: 1e-3,
  gradNorm: 0.5,
  tokens: 768,
  skipped: false,
  seconds: 0.1,
} as const;

const anyNumber = fc.double({ noDefaultInfinity: false }).map((value) => (Object.is(value, -0) ? 0 : value)); // JSON has no −0
const common = { step: fc.maxSafeNat(), wallTime: fc.double({ min: 0, max: 1e10, noNaN: true }).map((value) => value + 0) };
const gate = fc.record({
  ...{ layer: fc.nat(99), name: fc.constantFrom('state', 'k'), mean: anyNumber, std: anyNumber, absMax: anyNumber, nearZero: anyNumber },
  histogram: fc.record({ min: anyNumber, max: anyNumber, counts: fc.array(fc.nat()) }),
});
const anyRecord: fc.Arbitrary<RunRecord> = fc.oneof(
  fc.record({
    ...{ type: fc.constant('step' as const), ...common, loss: anyNumber, learningRate: anyNumber, gradNorm: anyNumber, tokens: fc.nat() },
    ...{ skipped: fc.boolean(), seconds: anyNumber },
  }),
  fc.record({ type: fc.constant('evaluation' as const), ...common, loss: anyNumber, tokens: fc.nat() }),
  fc.record({
    type: fc.constant('sample' as const),
    ...common,
    prompt: fc.string({ unit: 'binary' }),
    text: fc.string({ unit: 'binary' }),
  }),
  fc.record({ type: fc.constant('gates' as const), ...common, gates: fc.array(gate, { maxLength: 3 }) }),
);

describe('a record as a line', () => {
  it('comes back as it was, whatever its numbers and texts', () => {
    fc.assert(
      fc.property(anyRecord, (record) => {
        const line = recordLine(record);
        expect(line.indexOf('\n')).toBe(line.length - 1);
        expect(parseRecordLine(line)).toEqual(record);
      }),
      { seed: 5, numRuns: 300 },
    );
  });

  it('is JSON that says NaN in words', () => {
    expect(JSON.parse(recordLine({ ...step, loss: Number.NaN, gradNorm: Number.POSITIVE_INFINITY }))).toMatchObject({
      loss: 'NaN',
      gradNorm: 'Infinity',
    });
  });

  it('is none where it was cut short, lacks a field or is of a later version', () => {
    const line = recordLine(step);
    for (let length = 0; length < line.length - 1; length++) expect(parseRecordLine(line.slice(0, length))).toBeUndefined();
    for (const key of Object.keys(step).filter((one) => one !== 'skipped'))
      expect(parseRecordLine(JSON.stringify({ ...step, [key]: undefined }))).toBeUndefined();
    for (const changed of [{ type: 'weather' }, { step: 1.5 }, { loss: '2.25' }])
      expect(parseRecordLine(JSON.stringify({ ...step, ...changed }))).toBeUndefined();
    for (const other of ['null', '[]', '3', '{}']) expect(parseRecordLine(other)).toBeUndefined();
  });
});

it('a checkpoint after n updates has seen the step records before n, and what was measured up to n', () => {
  expect([6, 7, 8].map((n) => belongsBefore(step, n))).toEqual([false, false, true]);
  expect([6, 7, 8].map((n) => belongsBefore({ type: 'evaluation', step: 7 }, n))).toEqual([false, true, true]);
});

describe('statistics of gates', () => {
  it('are those of the values', () => {
    const { histogram, ...rest } = summarizeGate([-1, 0, 0.009, 0.011, 2]);
    const mean = 1.02 / 5;
    const std = Math.sqrt([-1, 0, 0.009, 0.011, 2].reduce((total, value) => total + (value - mean) ** 2, 0) / 5);
    expect(rest).toEqual({ mean: expect.closeTo(mean, 12), std: expect.closeTo(std, 12), absMax: 2, nearZero: 2 / 5 });
    expect(histogram).toMatchObject({ min: -1, max: 2 });
    expect(histogram.counts.flatMap((count, bin) => (count > 0 ? [[bin, count]] : []))).toEqual([
      [0, 1],
      [10, 3],
      [29, 1],
    ]);
  });

  it('keep the small spread of a large, nearly constant gate', () => {
    expect(summarizeGate([1e8, 1e8 + 1]).std).toBe(0.5);
  });

  it('of a closed gate are zero, of one that is not finite are not', () => {
    expect(summarizeGate(new Float32Array(4))).toMatchObject({ mean: 0, std: 0, absMax: 0, nearZero: 1, histogram: { min: 0, max: 0 } });
    expect(summarizeGate([0, Number.NaN])).toMatchObject({
      mean: Number.NaN,
      std: Number.NaN,
      absMax: Number.NaN,
      nearZero: 0.5,
      histogram: { counts: [] },
    });
    expect(summarizeGate([0, Number.POSITIVE_INFINITY])).toMatchObject({ std: Number.NaN, absMax: Number.NaN, histogram: { counts: [] } });
  });

  it('are taken of every gate of a model, and leave nothing behind', async () => {
    await setBackend('cpu');
    const model = {
      gates: (values: number[]) =>
        values.map((value, layer) => ({ layer, name: 'k', values: tensor3d([[[value, 2 * value]]]) as Tensor3D })),
    } as unknown as SequenceModel<object, number[], object>;
    const before = memory().numTensors;
    const gates: GateRecord['gates'] = await gateStatistics(model, [1, 2], {}, [[0]]);
    expect(gates.map(({ layer, name, mean, absMax }) => ({ layer, name, mean, absMax }))).toEqual([
      { layer: 0, name: 'k', mean: 1.5, absMax: 2 },
      { layer: 1, name: 'k', mean: 3, absMax: 4 },
    ]);
    expect(memory().numTensors).toBe(before);
    expect(await gateStatistics({} as typeof model, [], {}, [[0]])).toEqual([]);
  });
});
