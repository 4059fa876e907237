/** A page with another table between its marks, `<!-- table -->` or `<!-- table NAME -->` and `<!-- /table -->`. @throws Error where it has none */
export function withTable(page: string, table: string, name = ''): string {
  const mark = `<!-- ${['table', name].filter(Boolean).join(' ')} -->`;
  const start = page.indexOf(`${mark}\n`);
  const end = page.indexOf('<!-- /table -->', start);
  if (start < 0 || end < 0) throw new Error(`the page has no ${mark} … <!-- /table -->`);
  return `${page.slice(0, start)}${mark}\n\n${table}\n${page.slice(end)}`;
}

/** A page without what stands between its marks, and without code. */
export const proseOf = (page: string): string =>
  page
    .replaceAll(/<!-- table[^>]* -->\n[\s\S]*?<!-- \/table -->/g, '')
    .replaceAll(/^ *```[\s\S]*?^ *```$/gm, '')
    .replaceAll(/`[^`\n]*`/g, '');

/** Numbers with a unit of speed or time. */
export const figuresIn = (prose: string): string[] =>
  prose.match(/\d[\d.,]* (?:tokens\/s|tokens (?:per|a) second|[GT]FLOP\/s|[GMT]B\/s|ms\b|µs\b|times (?:as|faster|slower)\b)[^\n]{0,30}/g) ??
  [];
