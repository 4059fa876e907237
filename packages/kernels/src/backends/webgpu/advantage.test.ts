import { defineKernel, specialize } from '@densessm/ssm-core';
import { getKernel, mul, setBackend, type Tensor1D } from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { kernelCheck, operationCheck } from '../../checks/kernel-check';
import { selfTest } from './advantage';

const double = defineKernel<{ x: Tensor1D }, Tensor1D>({
  name: 'SsmTestDouble',
  inputs: { x: ['n'] },
  fix: 'x is a vector',
  attrs: {},
  reference: ({ x }) => mul(x, 2),
});
const check = kernelCheck(double, { some: { inputs: { x: { shape: [3] } } } }, 1e-6);

describe('the self-test', () => {
  it('switches off a kernel that computes wrongly, and names it', async () => {
    await setBackend('cpu');
    specialize(double, 'cpu', { supports: () => true, run: ({ inputs: { x } }) => mul(x as Tensor1D, 3) });
    expect(await selfTest([check], 'cpu')).toEqual({ switchedOff: ['SsmTestDouble'] });
    expect(getKernel('SsmTestDouble', 'cpu')).toBeUndefined();
    expect(await selfTest([check], 'cpu'), 'the reference serves').toEqual({ switchedOff: [] });
  });

  it('tells an operation that is wrong and has no reference', async () => {
    await setBackend('cpu');
    let calls = 0;
    const wavering = operationCheck('Double', (x) => mul(x, calls++), { some: [3] }, 1e-6);
    expect((await selfTest([wavering], 'cpu')).wrong).toMatch(/^Double is wrong on this device/);
  });
});
