/** Lines of a table: the first column to the left, the others to the right, a rule under the head. */
export function alignTable(rows: readonly (readonly string[])[]): string[] {
  const [head = []] = rows;
  const widths = head.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    widths.map((width, column) => (column === 0 ? (row[column] ?? '').padEnd(width) : (row[column] ?? '').padStart(width))).join('  ');
  const [first = '', ...others] = rows.map(line);
  return [paint('bold', first), widths.map((width) => '─'.repeat(width)).join('  '), ...others];
}

const CODES = { bold: 1, red: 31, green: 32 };

/** Color where a person looks on, plain text elsewhere. */
export function paint(style: keyof typeof CODES, text: string): string {
  const plain = !process.stdout.isTTY || process.env.NO_COLOR !== undefined;
  return plain ? text : `\u001b[${CODES[style]}m${text}\u001b[0m`;
}
