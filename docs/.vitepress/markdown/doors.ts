import type { MarkdownRenderer } from 'vitepress';

/** A README's list of pages leads to the page that shows the README: it is left out there. */
export function withoutDoors(md: MarkdownRenderer): void {
  md.core.ruler.after('inline', 'doors', (state) => {
    if (!String(state.env.frontmatter?.source ?? '').endsWith('README.md')) return;
    const place = state.tokens.findIndex(({ type, content }) => type === 'inline' && content.startsWith('Pages: '));
    if (place > 0) state.tokens.splice(place - 1, 3); // the paragraph's beginning, text and end
  });
}
