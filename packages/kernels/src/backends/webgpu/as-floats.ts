import { type Program, pointwise } from './program';

/** tfjs's Cast of integers to floats keeps the buffer of integers, and says of what type it is only in its own map: see `Gpu.floats`. */
export const FLOATS: Program = pointwise({
  name: 'Cast',
  inputs: { x: 'i32' },
  outputs: { y: 'f32' },
  params: {},
  main: '  y[i] = f32(x[i]);',
});
