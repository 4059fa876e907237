import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { expect, it } from 'vitest';
import { root } from '../scripts/lib/command.mjs';
import { publicPackages } from '../scripts/lib/workspace.mjs';

const SKIPPED = new Set(['node_modules', 'dist', 'fixtures', 'CHANGELOG.md']);
const SITE = join(root, 'docs');
/** What the site makes of the command's and the packages' own words. */
const MADE = new Set([join(SITE, 'api'), join(SITE, 'command')]);

function* documentsIn(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (SKIPPED.has(entry.name) || MADE.has(path) || entry.name.startsWith('.')) continue;
    if (entry.isDirectory()) yield* documentsIn(path);
    else if (entry.name.endsWith('.md')) yield path;
  }
}

/** Those whose blocks `npm test` runs, on the packed packages. */
const runs = new Set([root, ...publicPackages().map(({ folder }) => folder)]);
const isRun = (path: string): boolean => runs.has(join(path, '..')) || path.startsWith(SITE + sep);

/** Code in a language that could run, with what stands after the language. */
function* codeIn(path: string): Generator<{ place: string; info: string; code: string }> {
  const text = readFileSync(path, 'utf8');
  for (const { 1: language, 2: info = '', 3: code = '', index } of text.matchAll(/^ *```(\w+)(.*)\n([\s\S]*?)^ *```$/gm)) {
    if (!/^(jsx?|mjs|tsx?|javascript|typescript)$/.test(language ?? '')) continue;
    yield { place: `${relative(root, path)}:${text.slice(0, index).split('\n').length}`, info: `${language}${info}`, code };
  }
}

it('shows no code that is neither run nor taken from a file', () => {
  const blocks = [...documentsIn(root)].flatMap((path) => [...codeIn(path)].map((block) => ({ ...block, path })));
  expect(blocks.length).toBeGreaterThan(8);
  const stray = blocks.filter(({ path, info, code }) => {
    const source = /^\w+ (\S+)$/.exec(info)?.[1];
    if (source === undefined) return info !== 'js' || !isRun(path);
    return !existsSync(join(root, source)) || !readFileSync(join(root, source), 'utf8').includes(code);
  });
  expect(stray.map(({ place, info }) => `${place} ${info}`)).toEqual([]);
});
