import { defineKernel } from '@densessm/ssm-core';
import { describeKernelChecks } from '@densessm/testing';
import { engine, mul, setBackend, type Tensor } from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import * as kernels from '../index';
import { checkKernel, type KernelDeviation } from './check-kernel';
import { type KernelCheck, kernelCheck } from './kernel-check';
import { kernelChecks } from './list';
import { stockChecks } from './stock-checks';

describeKernelChecks(stockChecks);

const double = defineKernel({
  name: 'SsmDouble',
  inputs: { x: ['n'] },
  fix: 'pass a vector',
  attrs: {},
  reference: ({ x }: { x: Tensor }) => mul(x, 2),
  backward: (dy: Tensor) => ({ x: () => mul(dy, 2) }),
});

async function deviationsOf(check: KernelCheck): Promise<KernelDeviation[]> {
  const found: KernelDeviation[] = [];
  for await (const one of checkKernel(check, 'wasm')) found.push(one);
  return found;
}

describe('the list of checks', () => {
  it('has every kernel that is exported', () => {
    const names = Object.values(kernels).flatMap((one) => ('definition' in one ? [one.definition.name] : []));
    const checked = new Set(kernelChecks.map(({ name }) => name));
    expect(names.filter((name) => !checked.has(name))).toEqual([]);
    expect(checked.size).toBe(kernelChecks.length);
  });
});

describe('checkKernel', () => {
  const check = kernelCheck(double, { 'three values': { inputs: { x: { shape: [3] } } } }, 1e-6);

  it('measures outputs, gradients and tensors left behind, and leaves the asked backend current', async () => {
    await setBackend('cpu');
    const found = await deviationsOf(check);
    expect(found.map(({ quantity }) => quantity)).toEqual(['tensors left behind', 'output 0', 'gradient of x']);
    expect(found.every(({ error, bound }) => error <= bound)).toBe(true);
    expect(engine().backendName).toBe('wasm');
  });

  it.each<[string, KernelCheck['run'], string]>([
    ['a wrong value', ({ x }) => [mul(x as Tensor, 2.001)], 'output 0'],
    ['a value that is not finite', ({ x }) => [mul(x as Tensor, Number.NaN)], 'output 0'],
    ['an output that is missing', () => [], 'the run itself'],
    [
      'an error',
      () => {
        throw new Error('no such instruction');
      },
      'the run itself',
    ],
  ])('tells %s', async (_, run, quantity) => {
    const wrong = (await deviationsOf({ ...check, run })).filter(({ error, bound }) => !(error <= bound));
    expect(wrong[0]).toMatchObject({ sample: 'three values', quantity });
  });
});
