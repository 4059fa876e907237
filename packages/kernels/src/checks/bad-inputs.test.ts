import { SsmError } from '@densessm/ssm-core';
import { expectClose } from '@densessm/testing';
import { setBackend } from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { evaluateSample, type KernelCheck, type Sample } from './kernel-check';
import { kernelChecks } from './list';

/** The sample with the value in the middle of an input replaced. */
function changed(sample: Sample, name: string, change: (usual: number) => number): Sample {
  const input = sample.inputs[name] as Sample['inputs'][string];
  const place = Math.floor(input.shape.reduce((a, b) => a * b, 1) / 2);
  const value = (i: number, random: () => number) => {
    const usual = input.value?.(i, random) ?? 2 * random() - 1;
    return i === place ? change(usual) : usual;
  };
  return { ...sample, inputs: { ...sample.inputs, [name]: { ...input, value } } };
}

async function valuesOn(backend: string, run: KernelCheck['run'], sample: Sample): Promise<number[]> {
  await setBackend(backend);
  const { outputs } = await evaluateSample(run, sample, false);
  return outputs.flatMap((values) => [...values]);
}

/** The values, or what our error says. */
const outcomeOn = (backend: string, run: KernelCheck['run'], sample: Sample): Promise<number[] | string> =>
  valuesOn(backend, run, sample).catch((error: unknown) => {
    if (error instanceof SsmError) return error.message;
    throw error;
  });

/** On wasm with one value of an input replaced, and which of the results that value goes into: those that another finite one changes. */
async function resultsWith(bad: number, run: KernelCheck['run'], sample: Sample, name: string) {
  const [before, after, results] = [
    await valuesOn('wasm', run, sample),
    await valuesOn(
      'wasm',
      run,
      changed(sample, name, (usual) => usual + 0.5),
    ),
    await valuesOn(
      'wasm',
      run,
      changed(sample, name, () => bad),
    ),
  ];
  return { results, depends: before.map((value, i) => value !== after[i]) };
}

/** A sample and one of its inputs of numbers that may be no finite ones. */
const casesOf = ({ samples }: KernelCheck) =>
  Object.entries(samples).flatMap(([about, sample]) =>
    Object.entries(sample.inputs)
      .filter(([, { dtype, shape }]) => dtype !== 'int32' && !shape.includes(0))
      .map(([name]) => ({ about, sample, name })),
  );

/** A training step whose measured loss or norm is not finite is left out: its results are what they were. */
const isLeftOut = ({ name }: { name: string }): boolean => name === 'measured';

describe.each(kernelChecks)('$name on wasm', (check) => {
  it.each(casesOf(check).filter((one) => !isLeftOut(one)))(
    'gives no number that NaN in $name goes into: $about',
    async ({ sample, name }) => {
      const { results, depends } = await resultsWith(Number.NaN, check.run, sample, name);
      expect(results.filter((value, i) => depends[i] && !Number.isNaN(value))).toEqual([]);
    },
  );

  it.each(casesOf(check))('gives no number where Infinity in $name leaves none: $about', async ({ sample, name }) => {
    const { results, depends } = await resultsWith(Number.POSITIVE_INFINITY, check.run, sample, name);
    const want = await valuesOn(
      'cpu',
      check.reference,
      changed(sample, name, () => Number.POSITIVE_INFINITY),
    );
    expect(results.filter((value, i) => depends[i] && !Number.isFinite(want[i]) && Number.isFinite(value))).toEqual([]);
  });

  // a single number has no axis that could be longer
  it.each(casesOf(check).filter(({ sample, name }) => sample.inputs[name]?.shape.length))(
    'takes $name of another size for an error, or computes with it: $about',
    async ({ sample, name }) => {
      const { shape, ...input } = sample.inputs[name] as Sample['inputs'][string];
      for (const axis of shape.keys()) {
        const longer = shape.map((size, i) => (i === axis ? size + 1 : size));
        const inputs = { ...sample.inputs, [name]: { ...input, shape: longer } };
        const [want, got] = [
          await outcomeOn('cpu', check.run, { ...sample, inputs }),
          await outcomeOn('wasm', check.run, { ...sample, inputs }),
        ];
        if (typeof want === 'string') expect(got, String(longer)).toBe(want);
        else await expectClose(`with [${longer}]`, want, got as number[], 10 * check.tolerance);
      }
    },
  );
});
