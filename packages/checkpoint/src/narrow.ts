import { SsmError } from '@densessm/ssm-core';
import { shorten } from './json';

/** The element types that {@link floatBytes} rounds to. */
export type FloatDtype = 'F32' | 'F16' | 'BF16';

/**
 * The bytes of float32 values in another element type, rounded to nearest, ties to even, as IEEE 754 and PyTorch do.
 * NaN stays NaN.
 * @throws SsmError WEIGHTS where a finite value is too large for F16, which would make it infinite
 */
export function floatBytes(name: string, values: Float32Array, dtype: FloatDtype): Uint8Array {
  if (dtype === 'F32') return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const halves = new Uint16Array(values.length);
  if (dtype === 'BF16') for (let i = 0; i < bits.length; i++) halves[i] = bfloat16(bits[i] as number);
  else for (let i = 0; i < bits.length; i++) halves[i] = float16(bits[i] as number);
  const lost = halves.findIndex((half, i) => (half & 0x7fff) === (dtype === 'F16' ? 0x7c00 : 0x7f80) && Number.isFinite(values[i]));
  if (lost >= 0) throw tooLarge(name, values[lost] as number, dtype);
  return new Uint8Array(halves.buffer);
}

/** The upper half of a float32, rounded: adding 0x7fff, or 0x8000 where the half is odd, carries where it must. */
function bfloat16(bits: number): number {
  if ((bits & 0x7fffffff) > 0x7f800000) return ((bits >>> 16) & 0x8000) | 0x7fc0;
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}

/** IEEE 754 binary16: 1 sign, 5 exponent (bias 15), 10 fraction. */
function float16(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const size = bits & 0x7fffffff;
  if (size >= 0x7f800000) return sign | (size > 0x7f800000 ? 0x7e00 : 0x7c00);
  const exponent = (size >>> 23) - 112; // as binary16 would write it
  if (exponent >= 31) return sign | 0x7c00;
  if (exponent > 0) return sign | rounded(((exponent << 23) | (size & 0x7fffff)) >>> 0, 13); // a carry goes on into the exponent
  if (exponent < -10) return sign; // below half of the smallest subnormal, 2^-25
  return sign | rounded((size & 0x7fffff) | 0x800000, 14 - exponent);
}

/** `value` without its lowest bits, rounded to nearest, ties to even. */
function rounded(value: number, bits: number): number {
  const kept = value >>> bits;
  const rest = value & ((1 << bits) - 1);
  const half = 1 << (bits - 1);
  return kept + (rest > half || (rest === half && kept & 1) ? 1 : 0);
}

const tooLarge = (name: string, value: number, dtype: FloatDtype): SsmError =>
  new SsmError({
    code: 'WEIGHTS',
    what: `\`${shorten(name)}\` does not fit ${dtype}.`,
    expected: dtype === 'F16' ? 'values below 65520' : 'values below 3.39e38',
    got: String(value),
    fix: dtype === 'F16' ? 'save as BF16 or F32' : 'save as F32',
  });
