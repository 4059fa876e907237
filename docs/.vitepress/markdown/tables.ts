import type { MarkdownRenderer } from 'vitepress';

/** A wide table scrolls by itself, also with the keyboard, so that a page never scrolls sideways. */
export function scrollableTables(md: MarkdownRenderer): void {
  md.renderer.rules.table_open = () => '<div class="table" role="region" aria-label="Table" tabindex="0"><table>\n';
  md.renderer.rules.table_close = () => '</table></div>\n';
}
