import { isObject } from '@densessm/ssm-core/plain';
import { dataError, shown } from '../errors';
import { FIELD_FLAG, SKIP_FLAG } from './piece';

/** How far into a record fields are looked for to name one in an error. */
const DEPTH = 4;

/** The value of a field: of that name, else `meta.text` is the field `text` within the field `meta`. */
export function valueAt(record: object, field: string): unknown {
  if (Object.hasOwn(record, field)) return (record as Record<string, unknown>)[field];
  let value: unknown = record;
  for (const name of field.split('.')) {
    if (!isObject(value) || !Object.hasOwn(value, name)) return undefined;
    value = value[name];
  }
  return value;
}

/** The fields of a record that hold text, those within fields by their paths; the longest first, which is the one meant more often than not. */
export function textFields(record: object): string[] {
  const found: [path: string, length: number][] = [];
  const look = (value: object, before: string, depth: number): void => {
    for (const [name, held] of Object.entries(value)) {
      const path = `${before}${name}`;
      if (typeof held === 'string') found.push([path, held.length]);
      else if (isObject(held) && depth > 1) look(held, `${path}.`, depth - 1);
    }
  };
  look(record, '', DEPTH);
  return found.sort((a, b) => b[1] - a[1]).map(([path]) => path);
}

export interface FieldProblem {
  /** File and line or row. */
  readonly where: string;
  readonly field: string;
  /** What the field holds; undefined where there is none. */
  readonly value: unknown;
  /** All fields that the record has. */
  readonly fields: readonly string[];
  /** Those that could be meant, the likeliest first. */
  readonly candidates: readonly string[];
}

/** The error for a record without the text, which names the fields that are there. */
export function missingField({ where, field, value, fields, candidates }: FieldProblem): Error {
  const isThere = value !== undefined;
  const names = fields.slice(0, 12).map((one) => `"${one}"`);
  const what = isThere ? `${where}: the field "${field}" holds no text.` : `${where}: there is no field "${field}".`;
  const got = isThere ? shown(value) : names.length > 0 ? `the fields ${names.join(', ')}` : 'no fields';
  const [likely] = candidates.filter((one) => one !== field);
  const naming = likely === undefined ? 'correct it' : `name the field that holds the text: ${FIELD_FLAG} ${shellWord(likely)}`;
  const fix = isThere || likely === undefined ? `${naming}, or leave such lines out with ${SKIP_FLAG}` : naming;
  return dataError(what, `a string in the field "${field}"`, got, fix);
}

/** As a shell takes it for one word. */
export const shellWord = (word: string): string => (/^[\w./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`);
