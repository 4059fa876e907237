import { SsmError, WEIGHT_TYPES, type WeightType } from '@densessm/ssm-core';

export const badShape = (where: string, what: string, expected: string, got: string): SsmError =>
  new SsmError({ code: 'SHAPE', what: `${where}: ${what}.`, expected, got, fix: 'weights are [out, width] as on disk' });

export function checkPacking(where: string, [out, width]: readonly [number, number], type: WeightType): void {
  const fix = 'f32 is exact, bf16 half as large, int8 a quarter, int4 an eighth';
  if (!WEIGHT_TYPES.includes(type))
    throw new SsmError({
      ...{ code: 'OPTION', what: `${where}: weights cannot be kept in this type.` },
      ...{ expected: WEIGHT_TYPES.join(', '), got: String(type), fix },
    });
  const isSize = (size: number): boolean => Number.isInteger(size) && size > 0;
  if (!isSize(out) || !isSize(width)) throw badShape(where, 'the weights have no such shape', 'two integers above 0', `[${out}, ${width}]`);
}

export const noIntegers = (where: string, type: WeightType): SsmError =>
  new SsmError({
    ...{ code: 'OPTION', what: `${where}: integers cannot be kept in this type.` },
    ...{ expected: 'int8, int4', got: type, fix: 'write rows of float32' },
  });

/** The first value that is not finite, if any, as an error. */
export function checkFinite(where: string, rows: Float32Array, width: number, first: number): void {
  const at = rows.findIndex((value) => !Number.isFinite(value));
  if (at < 0) return;
  throw new SsmError({
    code: 'WEIGHTS',
    what: `${where}: a weight is not finite.`,
    expected: 'numbers',
    got: `${rows[at]} at [${first + Math.floor(at / width)}, ${at % width}]`,
    fix: 'the checkpoint is damaged, or its training diverged: use an earlier one',
  });
}

export const unusable = (where: string, isDisposed: boolean): SsmError =>
  new SsmError({
    code: 'STATE',
    what: `${where}: these weights cannot be used.`,
    expected: 'weights on the device of the backend in use',
    got: isDisposed ? 'weights that were disposed of' : 'those of another backend',
    fix: 'pack them again',
  });

export const noRoom = (where: string, bytes: number, most: number): SsmError =>
  new SsmError({
    code: 'BACKEND',
    what: `${where}: the device has no room for a buffer of this size.`,
    expected: `at most ${most} bytes, which this device can bind`,
    got: `${bytes} bytes`,
    fix: 'take a smaller batch or a smaller model',
  });

export const foreignMatrix = (where: string): SsmError =>
  new SsmError({
    code: 'WEIGHTS',
    what: `${where}: a matrix is not packed for the backend in use.`,
    expected: 'matrices that packParams made on the webgpu backend',
    got: 'one that another backend packed',
    fix: 'pack or load the params again on this backend',
  });

export const otherBackend = (where: string, got: string): SsmError =>
  new SsmError({
    code: 'STATE',
    what: `${where}: another backend is in use.`,
    expected: 'the backend that the decoder was made on',
    got,
    fix: 'make a new decoder on this backend',
  });
