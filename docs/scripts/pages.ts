import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../scripts/lib/command.mjs';

const MADE = /^(\..*|node_modules|api|command|public|samples)$/;

/** The site's pages that a person wrote, by their paths from docs; folders are walked one by one, since links in node_modules lead far away. */
export function pagesOf(folder = ''): string[] {
  const entries = readdirSync(join(root, 'docs', folder), { withFileTypes: true }).filter(({ name }) => !MADE.test(name));
  return entries.flatMap((entry) => {
    const path = folder + entry.name;
    if (entry.isDirectory()) return pagesOf(`${path}/`);
    return entry.name.endsWith('.md') ? [path] : [];
  });
}
