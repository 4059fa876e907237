import { isObject } from '@densessm/ssm-core';
import { parseJson } from './json';

/** How transformers 5 writes the numbers that JSON lacks: {"__float__": "Infinity"}. */
const TAG = '__float__';
const TAGGED: ReadonlyMap<unknown, number> = new Map([
  ['Infinity', Infinity],
  ['-Infinity', -Infinity],
  ['NaN', Number.NaN],
]);

/**
 * The content of a config.json. Infinity and NaN may be bare words, as older files have them, or tagged objects, as
 * transformers 5 writes them; both become numbers wherever they stand.
 * @throws SsmError FILE with line and column.
 */
export function parseConfigText(text: string, where = 'config.json'): unknown {
  const withoutMark = text.startsWith('\ufeff') ? text.slice(1) : text;
  return untag(parseJson(withoutMark, { where, bareNumbers: true }));
}

function untag(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(untag);
  if (!isObject(value)) return value;
  const entries = Object.entries(value);
  const number = entries.length === 1 && Object.hasOwn(value, TAG) ? TAGGED.get(value[TAG]) : undefined;
  return number ?? Object.fromEntries(entries.map(([key, item]) => [key, untag(item)]));
}

/** The text of a config.json, indented by two; Infinity and NaN as tagged objects. {@link parseConfigText} reads it back. */
export function configText(json: Readonly<Record<string, unknown>>): string {
  const tag = (_: string, value: unknown): unknown =>
    typeof value === 'number' && !Number.isFinite(value) ? { [TAG]: String(value) } : value;
  return `${JSON.stringify(json, tag, 2)}\n`;
}
