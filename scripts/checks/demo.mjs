import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { findChromium } from '../lib/chromium.mjs';
import { capture, root, tail } from '../lib/command.mjs';

/** @typedef {import('../lib/phases.mjs').Outcome} Outcome */

/**
 * The demo as it is built, every room of it, in Chromium from a host that sends no special headers.
 * @returns {Promise<Outcome>}
 */
export async function demo() {
  const folder = join(root, 'apps', 'demo');
  if (findChromium() === undefined)
    return { passed: 0, failed: process.env.CI ? 1 : 0, note: 'NOT CHECKED: there is no Chromium; install one, or name it in CHROMIUM' };
  if (!existsSync(join(folder, 'dist', 'index.html'))) return { passed: 0, failed: 1, note: 'apps/demo/dist is missing' };
  const { code, stdout, output } = await capture([process.execPath, join(folder, 'test', 'check.mjs')], { cwd: folder });
  const passed = stdout.match(/^ok /gm)?.length ?? 0;
  const failed = code === 0 ? 0 : Math.max(1, stdout.match(/^FAIL /gm)?.length ?? 0);
  return { passed, failed, note: tail(stdout, 1), output: tail(output, 80) };
}
