import { DEVICES as ofTheRuntime } from '@densessm/runtime-node';
import { expect, it } from 'vitest';
import { DEVICES } from './devices';

it('the devices of --device are those of the runtime', () => {
  expect(DEVICES).toEqual(ofTheRuntime);
});
