import { describeKernelParity } from '@densessm/testing';
import { squareSum } from './kernel';

// a sum of a thousand float32 squares
describeKernelParity(
  squareSum,
  {
    'a number': { inputs: { x: { shape: [] } } },
    'odd sizes': { inputs: { x: { shape: [7, 13] } } },
    long: { inputs: { x: { shape: [1031] } } },
  },
  1e-6,
);
