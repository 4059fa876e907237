import type { MarkdownRenderer } from 'vitepress';
import { figureNamed } from '../../figures';
import { figureMarkup } from '../../figures/markup';

/**
 * A block ```figure with a figure's name is its picture, drawn here, so that it can be read without JavaScript. The page makes it live
 * when it comes into view: see theme/live-figure.ts.
 */
export function figures(md: MarkdownRenderer): void {
  const fence = md.renderer.rules.fence;
  md.renderer.rules.fence = (tokens, index, options, env, self) => {
    const token = tokens[index];
    if (token?.info.trim() !== 'figure') return fence?.(tokens, index, options, env, self) ?? '';
    const name = token.content.trim();
    return `<LiveFigure name="${name}"><div v-pre>${figureMarkup(figureNamed(name))}</div></LiveFigure>\n`;
  };
}
