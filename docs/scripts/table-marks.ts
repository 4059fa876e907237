/** Between these marks stands a table that is computed: the page's only one, or the one of a name. */
const marksOf = (name: string): [string, string] => [`<!-- table${name && ` ${name}`} -->`, '<!-- /table -->'];

/** A page with another table between its marks. @throws Error where it has none */
export function withTable(page: string, table: string, name = ''): string {
  const [open, close] = marksOf(name);
  const start = page.indexOf(`${open}\n`);
  const end = page.indexOf(close, start);
  if (start < 0 || end < 0) throw new Error(`the page has no ${open} … ${close}`);
  return `${page.slice(0, start)}${open}\n\n${table}\n${page.slice(end)}`;
}
