const MARKS = /<!-- table -->\n[\s\S]*?<!-- \/table -->/;

/** A page with another table between its marks. @throws Error where it has none */
export function withTable(page: string, table: string): string {
  if (!MARKS.test(page)) throw new Error('the page has no <!-- table --> … <!-- /table -->');
  return page.replace(MARKS, `<!-- table -->\n\n${table}\n<!-- /table -->`);
}
