import { isObject } from '@densessm/ssm-core/plain';
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

/** Keys under which transformers 5 refuses a number without a decimal point, which JavaScript would leave out of 1.0. */
const FLOAT_KEYS: ReadonlySet<string> = new Set([
  'initializer_range',
  'layer_norm_epsilon',
  'rms_norm_eps',
  'time_step_floor',
  'time_step_limit',
  'time_step_max',
  'time_step_min',
  'time_step_scale',
]);

/**
 * The text of a config.json, indented by two, with Infinity and NaN as tagged objects and numbers that must be
 * floating-point in Python written so. {@link parseConfigText} reads it back.
 */
export function configText(json: Readonly<Record<string, unknown>>): string {
  return `${valueText(json, false, '\n')}\n`;
}

/** `newLine` is a line's end with the indent of the next. */
function valueText(value: unknown, isFloat: boolean, newLine: string): string {
  const deeper = `${newLine}  `;
  if (typeof value === 'number') return numberText(value, isFloat, newLine);
  if (Array.isArray(value))
    return block(
      ['[', ']'],
      newLine,
      value.map((item) => valueText(item, isFloat, deeper)),
    );
  if (!isObject(value)) return JSON.stringify(value) ?? 'null';
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  const items = entries.map(([key, item]) => `${JSON.stringify(key)}: ${valueText(item, FLOAT_KEYS.has(key), deeper)}`);
  return block(['{', '}'], newLine, items);
}

function numberText(value: number, isFloat: boolean, newLine: string): string {
  if (!Number.isFinite(value)) return valueText({ [TAG]: String(value) }, false, newLine);
  const text = String(value);
  return isFloat && /^-?\d+$/.test(text) ? `${text}.0` : text;
}

const block = ([open, close]: [string, string], newLine: string, items: string[]): string =>
  items.length ? `${open}${newLine}  ${items.join(`,${newLine}  `)}${newLine}${close}` : open + close;
