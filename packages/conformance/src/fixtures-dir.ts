import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = new URL('../../../', import.meta.url);

/** The folder of reference results: the repository's own, or one shared beside the repository where it has none. */
export function fixturesDir(): string {
  const own = fileURLToPath(new URL('fixtures', root));
  return existsSync(own) ? own : fileURLToPath(new URL('../shared/fixtures', root));
}
