import { SsmError } from '@densessm/ssm-core';
import { describeKernelChecks } from '@densessm/testing';
import { tidy, zeros } from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { rotatePairsChecks } from './checks';
import { rotatePairs } from './kernel';

describeKernelChecks(rotatePairsChecks);

it('refuses an odd number of keys', () => {
  const rotate = () => tidy(() => rotatePairs({ x: zeros([1, 1, 1, 3]), cos: zeros([1, 1, 3]), sin: zeros([1, 1, 3]) }));
  expect(rotate).toThrow(SsmError);
  expect(rotate).toThrow('no whole pairs');
});
