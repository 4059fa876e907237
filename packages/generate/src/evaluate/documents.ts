import { SsmError } from '@densessm/ssm-core';
import { isObject } from '@densessm/ssm-core/plain';

/** Documents as they come: a list, a generator, lines of a file. */
export type Documents<T> = Iterable<T> | AsyncIterable<T>;

/** The documents some at a time, as many as are read together. */
export async function* inGroups<T>(documents: Documents<T>, size: number): AsyncGenerator<T[], void, undefined> {
  let group: T[] = [];
  for await (const document of documents) {
    group.push(document);
    if (group.length < size) continue;
    yield group;
    group = [];
  }
  if (group.length > 0) yield group;
}

/** The objects of a JSON Lines text; empty lines are left out. @throws SsmError FILE naming the line that is no JSON. */
export function* jsonLines(text: string): Generator<unknown, void, undefined> {
  let lineNumber = 0;
  for (const line of text.split('\n')) {
    lineNumber++;
    if (line.trim() !== '') yield parsedLine(line, lineNumber);
  }
}

function parsedLine(line: string, lineNumber: number): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    const problem = { what: `jsonLines: line ${lineNumber} is no JSON.`, expected: 'one JSON value per line', got: line.slice(0, 60) };
    throw new SsmError({ code: 'FILE', ...problem, fix: 'correct the line' }, { cause });
  }
}

/** @throws SsmError FILE where a document has no `text`. */
export function textOf(where: string, document: unknown, index: number): string {
  if (typeof document === 'string') return document;
  if (isObject(document) && typeof document.text === 'string') return document.text;
  throw badDocument(where, index, 'a text, or an object with `text`', document);
}

export const badDocument = (where: string, index: number, expected: string, got: unknown): SsmError =>
  new SsmError({
    code: 'FILE',
    what: `${where}: document ${index} cannot be used.`,
    expected,
    got: (JSON.stringify(got) ?? String(got)).slice(0, 120),
    fix: 'correct the document, or leave it out',
  });

/** @throws SsmError OPTION where there was no document. */
export function refuseNone(where: string, count: number): void {
  if (count > 0) return;
  const problem = { what: `${where}: there are no documents.`, expected: 'at least one', got: 'none' };
  throw new SsmError({ code: 'OPTION', ...problem, fix: 'check the file that they come from' });
}

export const mean = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0) / values.length;

/** Standard error of a mean, from the sample's own deviation; undefined for one value. */
export function standardError(values: readonly number[]): number | undefined {
  if (values.length < 2) return undefined;
  const middle = mean(values);
  const squares = values.reduce((total, value) => total + (value - middle) ** 2, 0);
  return Math.sqrt(squares / (values.length - 1) / values.length);
}
