import type { SaveDtype } from '@densessm/checkpoint';

/** An element type of weights on disk, as the flag says it. */
export const DTYPES = ['f32', 'f16', 'bf16', 'int8', 'int4'] as const;
export type DtypeFlag = (typeof DTYPES)[number];

/** What files call it. */
export const SAVE_DTYPES: Readonly<Record<DtypeFlag, SaveDtype>> = { f32: 'F32', f16: 'F16', bf16: 'BF16', int8: 'INT8', int4: 'INT4' };

/** `5GB`, `500MB`, `1.5e9`: bytes, in powers of ten as Hugging Face counts them; undefined for anything else. */
export function bytesOfText(text: string): number | undefined {
  const [, amount, unit = ''] = /^([\d.]+(?:e\d+)?)\s*([kmg]?)b?$/i.exec(text.trim()) ?? [];
  const bytes = Math.floor(Number(amount) * { '': 1, k: 1e3, m: 1e6, g: 1e9 }[unit.toLowerCase() as '' | 'k' | 'm' | 'g']);
  return amount !== undefined && Number.isSafeInteger(bytes) && bytes > 0 ? bytes : undefined;
}

/** How the names of tensors and the keys of config.json are written. */
export const NAMES = { hf: 'transformers', original: 'mamba_ssm' } as const;
export type Names = keyof typeof NAMES;
