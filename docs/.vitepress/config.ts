/** The documentation site. Pages lie beside this folder; `docs/scripts/site.ts` makes those of the command and the API first. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitepress';
import llms from 'vitepress-plugin-llms';
import { withoutDoors } from './markdown/doors';
import { figures } from './markdown/figures';
import { repositoryLinks } from './markdown/repository-links';
import { plainForSearch, searchText } from './markdown/search-text';
import { sources } from './markdown/sources';
import { scrollableTables } from './markdown/tables';
import { sidebar } from './sidebar';

const docs = fileURLToPath(new URL('..', import.meta.url));
const apiSidebar = join(docs, 'api', 'typedoc-sidebar.json');

export default defineConfig({
  title: 'DenseSSM',
  description: 'State space language models with dense hidden connections, trained and run anywhere JavaScript runs',
  lang: 'en',
  /** A static host may serve the site under a path of its own: DOCS_BASE=/densessm/ npm run docs:build. */
  base: process.env.DOCS_BASE ?? '/',
  srcExclude: ['samples/**', 'learning/**'],
  cleanUrls: false,
  lastUpdated: false,
  /** The home page of the default theme has no main landmark; see theme/index.ts for visits that come from another page. */
  transformHtml: (code, id) => (id.endsWith('/dist/index.html') ? code.replace('id="VPContent"', 'id="VPContent" role="main"') : code),
  markdown: {
    math: true,
    theme: { light: 'github-light-high-contrast', dark: 'github-dark-high-contrast' }, // comments of the default ones are too faint for axe
    config(md) {
      md.use(withoutDoors).use(repositoryLinks, docs).use(sources, join(docs, '..')).use(figures).use(scrollableTables).use(plainForSearch);
    },
  },
  vue: { template: { compilerOptions: { isCustomElement: (tag) => tag.startsWith('mjx-') || tag.startsWith('ssm-') } } },
  vite: {
    plugins: [llms({ ignoreFiles: ['api/**'], domain: process.env.DOCS_DOMAIN }) as never], // typed for another Vite than VitePress brings
    resolve: { conditions: ['@densessm/source'] },
    build: { chunkSizeWarningLimit: 2000 },
  },
  themeConfig: {
    search: { provider: 'local', options: { _render: searchText } },
    outline: { level: [2, 3] },
    nav: [
      { text: 'Start', link: '/start/why', activeMatch: '^/start/' },
      { text: 'Learn', link: '/learn/retnet', activeMatch: '^/learn/' },
      { text: 'Guides', link: '/guides/load-a-model', activeMatch: '^/(guides|integrate)/' },
      { text: 'Command', link: '/command/', activeMatch: '^/command/' },
      { text: 'Measured', link: '/speed', activeMatch: '^/(speed|learning|quantized|repeat)' },
      { text: 'API', link: '/api/', activeMatch: '^/api/' },
    ],
    sidebar: sidebar(existsSync(apiSidebar) ? JSON.parse(readFileSync(apiSidebar, 'utf8')) : []),
    docFooter: { prev: 'Previous page', next: 'Next page' },
  },
});
