import { type ConstantLeaf, SsmError } from '@densessm/ssm-core';
import { type ArrayTensor, type Dtype, dtypeOf } from './dtypes';

/**
 * How far a stored constant may be from what the config implies, relative to its size: one unit in the last place of
 * the stored type. For F32 and F64 sixteen units of float32, since the references compute these numbers with
 * float32 powers and logarithms, whose last bits differ between libraries.
 */
const UNIT: Partial<Record<Dtype, number>> = { F16: 2 ** -10, BF16: 2 ** -7, F32: 2 ** -19, F64: 2 ** -19 };
/** The spacing of float16 below its smallest normal number. */
const FLOAT16_STEP = 2 ** -24;

/**
 * Compares a stored constant with the values that the config implies.
 * @throws SsmError WEIGHTS naming the constant and the first value that differs.
 */
export function checkConstant(where: string, leaf: ConstantLeaf, stored: ArrayTensor): void {
  const dtype = stored.dtype ?? dtypeOf(stored.values);
  const relative = UNIT[dtype] ?? 0;
  const absolute = dtype === 'F16' ? FLOAT16_STEP : 0;
  for (const [i, want] of leaf.values().entries()) {
    const got = stored.values[i] as number;
    if (Object.is(want, got) || Math.abs(got - want) <= relative * Math.abs(want) + absolute) continue;
    throw new SsmError({
      code: 'WEIGHTS',
      what: `${where}: the stored constant \`${leaf.name}\` is not the one that the config implies.`,
      expected: `${want} at ${i}`,
      got: `${got} (${dtype})`,
      fix: 'use the config.json that belongs to these weights',
    });
  }
}
