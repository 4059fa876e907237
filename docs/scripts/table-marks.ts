/** A page with another table between its marks, `<!-- table -->` or `<!-- table NAME -->` and `<!-- /table -->`. @throws Error where it has none */
export function withTable(page: string, table: string, name = ''): string {
  const mark = `<!-- ${['table', name].filter(Boolean).join(' ')} -->`;
  const start = page.indexOf(`${mark}\n`);
  const end = page.indexOf('<!-- /table -->', start);
  if (start < 0 || end < 0) throw new Error(`the page has no ${mark} … <!-- /table -->`);
  return `${page.slice(0, start)}${mark}\n\n${table}\n${page.slice(end)}`;
}
