import type { ConfigReader } from '@densessm/ssm-core';

/** How keys and values are cut into heads. */
export interface HeadSizes {
  readonly numHeads: number;
  /** Width of all keys together. */
  readonly keyDim: number;
  /** Width of all values together. */
  readonly valueDim: number;
}

/** Every head gets the same number of keys and values, and keys are rotated in pairs. @throws SsmError CONFIG */
export function requireHeads(
  reader: ConfigReader,
  { numHeads, keyDim, valueDim }: HeadSizes,
  keyNames: { keys: string; values: string },
): void {
  const expected = `a multiple of ${2 * numHeads}: an even number of keys for each of the ${numHeads} heads`;
  reader.require(keyDim % (2 * numHeads) === 0, keyNames.keys, expected);
  reader.require(valueDim % numHeads === 0, keyNames.values, `values that the ${numHeads} heads share evenly, not ${valueDim}`);
}
