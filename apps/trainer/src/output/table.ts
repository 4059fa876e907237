export interface TableOptions {
  /** Columns whose cells stand to the right, as numbers do. */
  readonly right?: readonly number[];
}

/** Lines of a table: a head, a rule, rows. */
export function alignTable(rows: readonly (readonly string[])[], { right = [] }: TableOptions = {}): string[] {
  const [head = [], ...others] = rows;
  const widths = head.map((_, column) => Math.max(...rows.map((row) => widthOf(row[column] ?? ''))));
  const cell = (text: string, column: number): string => {
    const space = ' '.repeat(Math.max(0, (widths[column] ?? 0) - widthOf(text)));
    return right.includes(column) ? space + text : text + space;
  };
  const line = (row: readonly string[]): string =>
    head
      .map((_, column) => cell(row[column] ?? '', column))
      .join('  ')
      .trimEnd();
  return [line(head), widths.map((width) => '─'.repeat(width)).join('  '), ...others.map(line)];
}

/** Lines of `name  value`, the values under each other. */
export function alignPairs(pairs: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(0, ...pairs.map(([name]) => widthOf(name)));
  return pairs.map(([name, value]) => `${name}${' '.repeat(width - widthOf(name))}  ${value}`.trimEnd());
}

/** Characters, not UTF-16 units. */
const widthOf = (text: string): number => [...text].length;
