import { SsmError } from '@densessm/ssm-core';

/** Bytes per element of the safetensors element types that fill whole bytes, in the reference's order. */
export const BYTES_PER_ELEMENT = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E5M2: 1,
  F8_E4M3: 1,
  I16: 2,
  U16: 2,
  F16: 2,
  BF16: 2,
  I32: 4,
  U32: 4,
  F32: 4,
  F64: 8,
  I64: 8,
  U64: 8,
} as const;

export type Dtype = keyof typeof BYTES_PER_ELEMENT;
export type TensorValues = Float32Array | Float64Array | Int32Array;

export const isDtype = (name: unknown): name is Dtype => typeof name === 'string' && Object.hasOwn(BYTES_PER_ELEMENT, name);

/** A tensor as it lies in the file: little-endian bytes, row-major, at any alignment. */
export interface StoredTensor {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

/** A tensor's values, row-major. */
export interface ArrayTensor {
  readonly shape: readonly number[];
  readonly values: TensorValues;
  /** The element type it had on disk, where that was narrower than the array's own. */
  readonly dtype?: Dtype;
}

/** The element type that holds an array as it is. */
export function dtypeOf(values: TensorValues): Dtype {
  if (values instanceof Float32Array) return 'F32';
  return values instanceof Float64Array ? 'F64' : 'I32';
}

/**
 * The values of a stored tensor, exactly: F32, F16 and BF16 as Float32Array; F64 and I64 as Float64Array;
 * I32, I16, I8, U8 and BOOL as Int32Array.
 * @throws SsmError DTYPE where the element type is not read, FILE where an I64 does not fit a float64.
 */
export function tensorValues(name: string, { dtype, bytes }: StoredTensor): TensorValues {
  return valuesOf(name, dtype, new Uint8Array(bytes)); // a copy; slice() of a Node Buffer would be a view
}

/** As {@link tensorValues}, of bytes that are no one else's: they may become the values, without a copy. */
export function valuesOf(name: string, dtype: Dtype, bytes: Uint8Array): TensorValues {
  if (bytes.byteOffset > 0 || bytes.byteLength < bytes.buffer.byteLength) return tensorValues(name, { dtype, shape: [], bytes });
  const aligned = bytes.buffer as ArrayBuffer;
  if (dtype === 'F32') return new Float32Array(aligned);
  if (dtype === 'F64') return new Float64Array(aligned);
  if (dtype === 'I32') return new Int32Array(aligned);
  if (dtype === 'I16') return Int32Array.from(new Int16Array(aligned));
  if (dtype === 'I8') return Int32Array.from(new Int8Array(aligned));
  if (dtype === 'U8' || dtype === 'BOOL') return Int32Array.from(bytes);
  if (dtype === 'F16') return widen(new Uint16Array(aligned), float16Bits);
  if (dtype === 'BF16') return widen(new Uint16Array(aligned), (half) => half << 16);
  if (dtype === 'I64') return safeIntegers(name, new BigInt64Array(aligned));
  throw new SsmError({
    code: 'DTYPE',
    what: `tensorValues: \`${name}\` has an element type that is not read.`,
    expected: 'F64, F32, F16, BF16, I64, I32, I16, I8, U8 or BOOL',
    got: dtype,
    fix: 'convert the file to F32 or BF16 first',
  });
}

/** Each 16-bit element as the float32 whose bits `bitsOf` gives. */
function widen(halves: Uint16Array, bitsOf: (half: number) => number): Float32Array {
  const bits = new Int32Array(halves.length);
  for (let i = 0; i < halves.length; i++) bits[i] = bitsOf(halves[i] as number);
  return new Float32Array(bits.buffer);
}

/** The float32 bits of an IEEE 754 binary16: 1 sign, 5 exponent (bias 15), 10 fraction; exact, subnormals and NaN too. */
function float16Bits(half: number): number {
  const sign = (half & 0x8000) << 16;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0x1f) return sign | 0x7f800000 | (fraction << 13);
  if (exponent > 0) return sign | ((exponent + 112) << 23) | (fraction << 13);
  if (fraction === 0) return sign;
  // fraction · 2^-24 = 1.f · 2^(top - 24), where top is the place of its highest bit
  const top = 31 - Math.clz32(fraction);
  return sign | ((top + 103) << 23) | ((fraction << (23 - top)) & 0x7fffff);
}

function safeIntegers(name: string, values: BigInt64Array): Float64Array {
  const result = new Float64Array(values.length);
  for (let i = 0; i < values.length; i++) {
    result[i] = Number(values[i]);
    if (Number.isSafeInteger(result[i])) continue;
    throw new SsmError({
      code: 'FILE',
      what: `tensorValues: \`${name}\` holds an integer that a number cannot.`,
      expected: `integers from ${Number.MIN_SAFE_INTEGER} to ${Number.MAX_SAFE_INTEGER}`,
      got: `${values[i]} at ${i}`,
      fix: 'read the bytes of the tensor yourself, as a BigInt64Array',
    });
  }
  return result;
}
