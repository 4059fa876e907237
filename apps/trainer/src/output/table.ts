export interface TableOptions {
  /** Columns whose cells stand to the right, as numbers do. */
  readonly right?: readonly number[];
  /** Most characters of a line: long cells are cut, those of the widest columns first. Default: any. */
  readonly width?: number;
}

const GAP = '  ';
/** What a cut column keeps at least. */
const LEAST = 6;

/** Lines of a table: a head, a rule, rows. */
export function alignTable(rows: readonly (readonly string[])[], { right = [], width }: TableOptions = {}): string[] {
  const [head = [], ...others] = rows;
  const widths = head.map((_, column) => Math.max(...rows.map((row) => widthOf(row[column] ?? ''))));
  if (width !== undefined) shrink(widths, right, width - GAP.length * (widths.length - 1));
  const cell = (whole: string, column: number): string => {
    const text = cutTo(whole, widths[column] ?? 0);
    const space = ' '.repeat(Math.max(0, (widths[column] ?? 0) - widthOf(text)));
    return right.includes(column) ? space + text : text + space;
  };
  const line = (row: readonly string[]): string =>
    head
      .map((_, column) => cell(row[column] ?? '', column))
      .join(GAP)
      .trimEnd();
  return [line(head), widths.map((width) => '─'.repeat(width)).join(GAP), ...others.map(line)];
}

/** Takes from the widest columns of text until all fit; columns of numbers stay whole. */
function shrink(widths: number[], right: readonly number[], room: number): void {
  for (let over = widths.reduce((sum, one) => sum + one, 0) - room; over > 0; over--) {
    const texts = widths.map((one, column) => (right.includes(column) ? 0 : one));
    const widest = texts.indexOf(Math.max(...texts));
    if ((texts[widest] ?? 0) <= LEAST) return;
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
}

const cutTo = (text: string, width: number): string => (widthOf(text) <= width ? text : `${[...text].slice(0, width - 1).join('')}…`);

/** Lines of `name  value`, the values under each other. */
export function alignPairs(pairs: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(0, ...pairs.map(([name]) => widthOf(name)));
  return pairs.map(([name, value]) => `${name}${' '.repeat(width - widthOf(name))}  ${value}`.trimEnd());
}

/** Characters, not UTF-16 units. */
const widthOf = (text: string): number => [...text].length;
