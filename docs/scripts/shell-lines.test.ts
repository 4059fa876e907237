import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { expect, it } from 'vitest';
import { buildProgram } from '../../apps/trainer/src/main';
import { root } from '../../scripts/lib/command.mjs';
import { silentIo } from './silent-io';

const docs = join(root, 'docs');
const MADE = /^(api|command|node_modules|\.)/;

/** Every line of a page's shell blocks that calls the command; lines that end in a backslash are joined. */
function* linesOf(path: string): Generator<string> {
  for (const [, block = ''] of readFileSync(path, 'utf8').matchAll(/^```sh\n([\s\S]*?)^```$/gm))
    for (const line of block.replaceAll('\\\n', ' ').split('\n')) if (line.startsWith('densessm ')) yield line.replace(/\s#.*$/, '');
}

const folders = readdirSync(docs, { withFileTypes: true }).filter((one) => one.isDirectory() && !MADE.test(one.name));
const pages = ['', ...folders.map(({ name }) => name)].flatMap((folder) =>
  readdirSync(join(docs, folder))
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(folder, name)),
);

const flagsOf = (command: Command): Set<string> => new Set(command.options.map(({ long }) => long ?? ''));

it('names only commands and flags that there are', () => {
  const commands = new Map(buildProgram(silentIo()).commands.map((one) => [one.name(), flagsOf(one)]));
  const wrong = pages.flatMap((page) =>
    [...linesOf(join(docs, page))].flatMap((line) => {
      const [, name = ''] = line.split(/\s+/);
      const known = commands.get(name);
      if (known === undefined) return name === '--help' ? [] : [`${page}: ${line}`];
      const flags = line.match(/(?<=\s)--[a-z][a-z0-9-]*/g) ?? [];
      return flags.filter((flag) => !known.has(flag) && flag !== '--help').map((flag) => `${page}: ${line}: ${flag}`);
    }),
  );
  expect(wrong).toEqual([]);
});
