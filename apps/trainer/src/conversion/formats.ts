import type { SaveDtype } from '@densessm/checkpoint';
import { SsmError } from '@densessm/ssm-core';

/** An element type of weights on disk, as the flag says it. */
export const DTYPES = ['f32', 'f16', 'bf16', 'int8', 'int4'] as const;
export type DtypeFlag = (typeof DTYPES)[number];

const FLOATS: Readonly<Record<Exclude<DtypeFlag, 'int8' | 'int4'>, SaveDtype>> = { f32: 'F32', f16: 'F16', bf16: 'BF16' };

/**
 * How weights of a dtype are written. Quantised formats have their place here and nowhere else: they need a writer that stores scales.
 * @throws SsmError OPTION for a dtype that nothing here can write yet
 */
export function saveDtype(dtype: DtypeFlag): SaveDtype {
  if (dtype !== 'int8' && dtype !== 'int4') return FLOATS[dtype];
  throw new SsmError({
    code: 'OPTION',
    what: `convert: weights cannot be written as ${dtype} yet.`,
    expected: Object.keys(FLOATS).join(', '),
    got: dtype,
    mend: 'take bf16 for half the size; quantised weights are to come',
  });
}

/** `5GB`, `500MB`, `1.5e9`: bytes, in powers of ten as Hugging Face counts them; undefined for anything else. */
export function bytesOfText(text: string): number | undefined {
  const [, amount, unit = ''] = /^([\d.]+(?:e\d+)?)\s*([kmg]?)b?$/i.exec(text.trim()) ?? [];
  const bytes = Math.floor(Number(amount) * { '': 1, k: 1e3, m: 1e6, g: 1e9 }[unit.toLowerCase() as '' | 'k' | 'm' | 'g']);
  return amount !== undefined && Number.isSafeInteger(bytes) && bytes > 0 ? bytes : undefined;
}
