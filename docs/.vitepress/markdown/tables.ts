import type { MarkdownRenderer } from 'vitepress';

/** A wide table scrolls by itself, also with the keyboard, so that a page never scrolls sideways; heads without words are plain cells. */
export function scrollableTables(md: MarkdownRenderer): void {
  md.renderer.rules.table_open = () => '<div class="table" role="group" aria-label="Table" tabindex="0"><table>\n';
  md.renderer.rules.table_close = () => '</table></div>\n';
  md.core.ruler.push('empty-heads', ({ tokens }) => {
    for (const [i, token] of tokens.entries()) {
      const end = tokens[i + 2];
      if (token.type !== 'th_open' || tokens[i + 1]?.content !== '' || end === undefined) continue;
      token.tag = 'td';
      end.tag = 'td';
    }
  });
}
