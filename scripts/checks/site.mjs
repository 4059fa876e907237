import { join } from 'node:path';
import { findChromium } from '../lib/chromium.mjs';
import { capture, root, tail } from '../lib/command.mjs';

/** @typedef {import('../lib/phases.mjs').Outcome} Outcome */

/** Where the site is built for a host that serves it under a path. */
const BASE = '/densessm/';

/**
 * The documentation site: built, with its links, its samples' types, and in Chromium what a reader needs: no script, 360 pixels, a dark screen, a screen
 * reader, search without a network.
 * @returns {Promise<Outcome>}
 */
export async function site() {
  const env = { ...process.env, DOCS_BASE: BASE };
  const run = (/** @type {string[]} */ ...words) =>
    capture([process.execPath, join(root, 'scripts', 'run.mjs'), ...words], { cwd: root, env });
  const built = await run('docs/scripts/site.ts', 'build');
  if (built.code !== 0) return { passed: 0, failed: 1, note: 'vitepress: the site does not build', output: tail(built.output, 60) };
  const chromium = findChromium();
  const checked = await run('docs/scripts/check.ts', BASE, chromium ?? '');
  const failed = checked.code === 0 && !(process.env.CI && chromium === undefined) ? 0 : 1;
  const note = checked.code === 0 ? tail(checked.stdout, 1) : 'links, samples, axe';
  return { passed: 2 - failed, failed, note, output: failed ? tail(checked.output, 80) : '' };
}
