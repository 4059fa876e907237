import { existsSync, readFileSync } from 'node:fs';
import { join, posix, relative, resolve } from 'node:path';
import type { MarkdownRenderer } from 'vitepress';

/** Files of the repository that the site shows as pages of its own. */
const PAGES: Readonly<Record<string, string>> = {
  'packages/generate/SNAPSHOT.md': 'inside/snapshot-format.md',
  'packages/checkpoint/QUANTIZED.md': 'inside/quantized-format.md',
  'apps/trainer/DATA.md': 'inside/data.md',
  'bench/README.md': 'repeat.md',
};

/**
 * Relative links of documents that are read on GitHub as well: to a page where the site has one, else to the file in the repository. A page that
 * shows a file from elsewhere names it as `source` in its front matter, and links in it are relative to that.
 */
export function repositoryLinks(md: MarkdownRenderer, docs: string): void {
  const root = resolve(docs, '..');
  const manifest = JSON.parse(readFileSync(join(root, 'packages', 'densessm', 'package.json'), 'utf8'));
  const repository = String(manifest.repository.url)
    .replace(/^git\+/, '')
    .replace(/\.git$/, '');
  md.core.ruler.after('inline', 'repository-links', ({ tokens, env }) => {
    const page = String(env.relativePath ?? 'index.md');
    const source = String(env.frontmatter?.source ?? posix.join('docs', page));
    for (const token of tokens.flatMap(({ children }) => children ?? [])) {
      const href = token.type === 'link_open' ? token.attrGet('href') : null;
      if (href !== null && !/^([a-z]+:|#|\/)/i.test(href)) token.attrSet('href', rewritten(href, { root, source, page, repository }));
    }
  });
}

interface Place {
  readonly root: string;
  readonly source: string;
  readonly page: string;
  readonly repository: string;
}

function rewritten(href: string, { root, source, page, repository }: Place): string {
  const [path = '', hash] = href.split('#');
  const target = posix.join(posix.dirname(source), path);
  const shown = PAGES[target] ?? (/^docs\/.+\.md$/.test(target) ? target.slice('docs/'.length) : undefined);
  const end = hash === undefined ? '' : `#${hash}`;
  if (shown !== undefined) return `./${relative(posix.dirname(page), shown)}${end}`;
  if (!existsSync(join(root, target))) return href; // VitePress names it as a dead link
  return `${repository}/blob/main/${target}${end}`;
}
