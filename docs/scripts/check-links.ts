import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, posix, relative } from 'node:path';

/** Every link of every page, and of llms.txt, to a page, a file or a place on a page of the site itself. VitePress has looked for pages; this looks for places and files too. */
export function brokenLinks(dist: string, base: string): { pages: number; count: number; broken: string[] } {
  const pages = [...htmlIn(dist), join(dist, 'llms.txt')];
  const places = new Map<string, Set<string>>();
  const placesOf = (file: string): Set<string> => {
    const known = places.get(file) ?? idsIn(file);
    places.set(file, known);
    return known;
  };
  const broken: string[] = [];
  let count = 0;
  for (const page of pages) {
    for (const href of linksIn(page)) {
      count++;
      const problem = problemOf(href, { page, dist, base, placesOf });
      if (problem !== undefined) broken.push(`${relative(dist, page)}: ${href}: ${problem}`);
    }
  }
  return { pages: pages.length - 1, count, broken };
}

interface Place {
  readonly page: string;
  readonly dist: string;
  readonly base: string;
  readonly placesOf: (file: string) => Set<string>;
}

function problemOf(href: string, { page, dist, base, placesOf }: Place): string | undefined {
  const [path = '', hash = ''] = href.split('#');
  if (path.startsWith('/') && !path.startsWith(base)) return `does not begin with ${base}`;
  const target = path === '' ? page : path.startsWith('/') ? join(dist, path.slice(base.length)) : join(dirname(page), path);
  const file = existsSync(target) && statSync(target).isDirectory() ? join(target, 'index.html') : target;
  if (!existsSync(file)) return 'nothing is there';
  if (hash !== '' && file.endsWith('.html') && !placesOf(file).has(decodeURIComponent(hash))) return 'the page has no such place';
  return undefined;
}

const htmlIn = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.html') && posix.basename(name) !== '404.html')
    .map((name) => join(folder, name));

/** Addresses without a scheme; those of the list for language models are written in Markdown. */
const linksIn = (file: string): string[] =>
  [...readFileSync(file, 'utf8').matchAll(file.endsWith('.txt') ? /\]\(([^)]+)\)/g : /<a [^>]*?href="([^"]*)"/g)]
    .map((match) => (match[1] ?? '').replaceAll('&amp;', '&'))
    .filter((href) => href !== '' && !/^([a-z]+:|\/\/)/i.test(href));

const idsIn = (file: string): Set<string> =>
  new Set([...readFileSync(file, 'utf8').matchAll(/ id="([^"]*)"/g)].map((match) => match[1] ?? ''));
