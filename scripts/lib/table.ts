import { alignTable as alignColumns } from '../../apps/trainer/src/output/table';

/** Lines of a table: the first column to the left, the others to the right, a rule under the head. */
export function alignTable(rows: readonly (readonly string[])[]): string[] {
  const right = (rows[0] ?? []).map((_, column) => column).slice(1);
  const [head = '', ...others] = alignColumns(rows, { right });
  return [paint('bold', head), ...others];
}

const CODES = { bold: 1, red: 31, green: 32 };

/** Color where a person looks on, plain text elsewhere. */
export function paint(style: keyof typeof CODES, text: string): string {
  const plain = !process.stdout.isTTY || process.env.NO_COLOR !== undefined;
  return plain ? text : `\u001b[${CODES[style]}m${text}\u001b[0m`;
}
