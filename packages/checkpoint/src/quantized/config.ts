import { SsmError, WEIGHT_GROUP } from '@densessm/ssm-core';
import { isObject } from '@densessm/ssm-core/plain';

/** Quantized matrices, as QUANTIZED.md describes them. */
export interface Quantization {
  readonly bits: 8 | 4;
}

const KEY = 'quantization_config';
const METHOD = 'densessm';

/** A config.json that says how the weights beside it are quantized. */
export const withQuantization = (json: Record<string, unknown>, { bits }: Quantization): Record<string, unknown> => ({
  ...json,
  [KEY]: { quant_method: METHOD, bits, group_size: WEIGHT_GROUP },
});

/**
 * Takes what a config.json says about quantized weights out of it: the rest is the model's own.
 * @throws SsmError CONFIG for a method that is not this one, or numbers that it does not have
 */
export function splitQuantization(where: string, json: unknown): { json: unknown; quantization?: Quantization } {
  if (!isObject(json) || json[KEY] === undefined || json[KEY] === null) return { json };
  const { [KEY]: given, ...rest } = json;
  const { quant_method: method, bits, group_size: group } = isObject(given) ? given : {};
  if (method === METHOD && (bits === 8 || bits === 4) && group === WEIGHT_GROUP) return { json: rest, quantization: { bits } };
  throw new SsmError({
    code: 'CONFIG',
    what: `${where}: the weights are quantized in a way that is not read.`,
    expected: `${KEY} with quant_method '${METHOD}', bits 8 or 4, group_size ${WEIGHT_GROUP}`,
    got: JSON.stringify(given).slice(0, 200),
    fix: 'get the weights in F32, F16 or BF16, and quantize them with densessm convert --dtype int8',
  });
}
