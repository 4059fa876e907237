import type { Arguments } from './arguments';
import { toJson } from './print';
import { itemsOf, TemplateError, type Value } from './values';

/** `tojson` with the arguments that it has in transformers. */
export function jsonFilter(value: Value, given: Arguments): string {
  const indent = given.isNone('indent')
    ? null
    : typeof given.value('indent') === 'string'
      ? given.text('indent')
      : ' '.repeat(Math.min(given.int('indent'), 64));
  const pair = given.isNone('separators') ? null : itemsOf(given.value('separators'));
  if (pair !== null && !(pair.length === 2 && pair.every((one) => typeof one === 'string')))
    throw new TemplateError('separators must be two texts');
  const separators = pair === null ? ([indent === null ? ', ' : ',', ': '] as const) : (pair as [string, string]);
  return toJson(value, { indent, separators, ensureAscii: given.flag('ensure_ascii', false), sortKeys: given.flag('sort_keys', false) });
}
