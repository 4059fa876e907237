import { isObject, SsmError, WEIGHT_GROUP } from '@densessm/ssm-core';

/** Matrices in whole numbers, as QUANTISED.md describes them. */
export interface Quantisation {
  readonly bits: 8 | 4;
}

const KEY = 'quantization_config';
const METHOD = 'densessm';

/** A config.json that says how the weights beside it are quantised. */
export const withQuantisation = (json: Record<string, unknown>, { bits }: Quantisation): Record<string, unknown> => ({
  ...json,
  [KEY]: { quant_method: METHOD, bits, group_size: WEIGHT_GROUP },
});

/**
 * Takes what a config.json says about quantised weights out of it: the rest is the model's own.
 * @throws SsmError CONFIG for a method that is not this one, or numbers that it does not have
 */
export function splitQuantisation(where: string, json: unknown): { json: unknown; quantisation?: Quantisation } {
  if (!isObject(json) || json[KEY] === undefined || json[KEY] === null) return { json };
  const { [KEY]: given, ...rest } = json;
  const { quant_method: method, bits, group_size: group } = isObject(given) ? given : {};
  if (method === METHOD && (bits === 8 || bits === 4) && group === WEIGHT_GROUP) return { json: rest, quantisation: { bits } };
  throw new SsmError({
    code: 'CONFIG',
    what: `${where}: the weights are quantised in a way that is not read.`,
    expected: `${KEY} with quant_method '${METHOD}', bits 8 or 4, group_size ${WEIGHT_GROUP}`,
    got: JSON.stringify(given).slice(0, 200),
    mend: 'get the weights in F32, F16 or BF16, and quantise them with densessm convert --dtype int8',
  });
}
