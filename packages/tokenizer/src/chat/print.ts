import { Callable, Generated, isList, Namespace, TemplateError, Tuple, typeName, type Value, View } from './values';

/** `str(value)`; undefined is no text. */
export function str(value: Value): string {
  if (typeof value === 'string') return value;
  return value === undefined ? '' : repr(value);
}

/** `repr(value)` of Python 3. */
export function repr(value: Value): string {
  if (value === undefined) return 'Undefined';
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'number') return floatText(value);
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'string') return reprText(value);
  if (value instanceof Tuple) return value.length === 1 ? `(${repr(value[0])},)` : `(${value.map((item) => repr(item)).join(', ')})`;
  if (value instanceof View) return value.isIndexed ? value.label : `${value.label}([${value.map((item) => repr(item)).join(', ')}])`;
  if (Array.isArray(value)) return `[${value.map((item) => repr(item)).join(', ')}]`;
  if (value instanceof Map) return `{${Array.from(value, ([key, item]) => `${repr(key)}: ${repr(item)}`).join(', ')}}`;
  if (value instanceof Namespace || value instanceof Callable || value instanceof Generated)
    throw new TemplateError(`a ${typeName(value)} is not printed`);
  return value satisfies never;
}

/** The shortest digits that give the number again, with an exponent from 1e16 and below 1e-4. */
export function floatText(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  if (Object.is(value, -0)) return '-0.0';
  const [digits = '', exponent = '0'] = value.toExponential().split('e');
  const power = Number(exponent);
  if (value !== 0 && (power < -4 || power >= 16)) return `${digits}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`;
  const text = power >= 0 ? integerText(value) : value.toFixed(Math.max(0, digits.replace(/[-.]/g, '').length - 1 - power));
  return /\./.test(text) ? text : `${text}.0`;
}

const integerText = (value: number): string => (Number.isInteger(value) ? String(BigInt(value)) : String(value));

const ESCAPES: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '\\': '\\\\' };

function reprText(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const escaped = text.replace(/[\\\p{C}\p{Z}'"]/gu, (character) => {
    if (character === ' ' || ((character === '"' || character === "'") && character !== quote)) return character;
    return character === quote ? `\\${quote}` : (ESCAPES[character] ?? hexEscape(character.codePointAt(0) ?? 0));
  });
  return quote + escaped + quote;
}

function hexEscape(point: number): string {
  const hex = point.toString(16);
  if (point < 0x100) return `\\x${hex.padStart(2, '0')}`;
  return point < 0x10000 ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`;
}

export interface JsonOptions {
  indent: string | null;
  separators: readonly [string, string];
  ensureAscii: boolean;
  sortKeys: boolean;
}

/** `json.dumps(value, …)`. */
export function toJson(value: Value, options: JsonOptions, depth = 0): string {
  const { indent, separators, sortKeys } = options;
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'number')
    return Number.isFinite(value) ? floatText(value) : ({ nan: 'NaN', inf: 'Infinity' }[floatText(value)] ?? '-Infinity');
  if (typeof value === 'string') return jsonText(value, options.ensureAscii);
  const [item, colon] = separators;
  const line = (level: number): string => (indent === null ? '' : `\n${indent.repeat(level)}`);
  const joined = (parts: string[], [open, close]: string): string =>
    parts.length === 0 ? `${open}${close}` : `${open}${line(depth + 1)}${parts.join(item + line(depth + 1))}${line(depth)}${close}`;
  if (isList(value))
    return joined(
      value.map((one) => toJson(one, options, depth + 1)),
      '[]',
    );
  if (!(value instanceof Map)) throw new TemplateError(`a ${typeName(value)} has no JSON`);
  const entries = Array.from(value, ([key, one]) => [jsonKey(key), one] as const);
  if (sortKeys) entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return joined(
    entries.map(([key, one]) => jsonText(key, options.ensureAscii) + colon + toJson(one, options, depth + 1)),
    '{}',
  );
}

const jsonKey = (key: Value): string => (typeof key === 'string' ? key : key === null ? 'null' : str(key));

function jsonText(text: string, ensureAscii: boolean): string {
  const written = JSON.stringify(text);
  const escaped = ensureAscii ? /[\u0080-\uffff]/g : /(?!)/g;
  return written.replace(escaped, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
