import type { MarkdownRenderer } from 'vitepress';

/** What the search index reads of a page: its words. Colored code, formulas and figures cost half of a build, and nobody finds anything by them. */
export function searchText(source: string, env: object, md: { render(source: string, env: object): string }): string {
  return md.render(source, Object.assign(env, { isForSearch: true }));
}

/** Rules for {@link searchText}: code as plain text, formulas as they were written, no figures. */
export function plainForSearch(md: MarkdownRenderer): void {
  const { fence, math_inline: inline, math_block: block } = md.renderer.rules;
  md.renderer.rules.fence = (tokens, index, options, env, self) => {
    const token = tokens[index];
    if (!env.isForSearch) return fence?.(tokens, index, options, env, self) ?? '';
    return token?.info.trim() === 'figure' ? '' : `<pre>${md.utils.escapeHtml(token?.content ?? '')}</pre>`;
  };
  for (const [name, rule] of [
    ['math_inline', inline],
    ['math_block', block],
  ] as const)
    md.renderer.rules[name] = (tokens, index, options, env, self) =>
      env.isForSearch ? md.utils.escapeHtml(tokens[index]?.content ?? '') : (rule?.(tokens, index, options, env, self) ?? '');
}
