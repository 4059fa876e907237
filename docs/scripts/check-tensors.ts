import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Words that are in the code of every tensor, and in no other. */
const TENSORS = /registerBackend|AssertNonNegativeInteger|SsmSelectiveScan|selectiveScan\(/;

/** Scripts that VitePress has bundled for pages, of which none may hold tensor code: it lies in elements/, which a page loads when a reader wants a widget. */
export function pagesWithTensors(dist: string): string[] {
  const scripts = readdirSync(join(dist, 'assets'), { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.js'));
  const isText = (name: string): boolean => /\.md\.|localSearch/.test(name); // words of pages, which may speak of tensors
  const worker = readFileSync(join(dist, 'elements', 'engine-worker.js'), 'utf8');
  const known = TENSORS.test(worker) ? [] : ['elements/engine-worker.js: holds none of the words by which tensor code is found'];
  return [
    ...known,
    ...scripts
      .filter((name) => !isText(name) && TENSORS.test(readFileSync(join(dist, 'assets', name), 'utf8')))
      .map((name) => `assets/${name}: holds tensor code`),
  ];
}
