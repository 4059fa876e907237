// `node apps/demo/test/check.mjs [room …]`: the built demo in Chromium, from a plain host under a sub-path. Screenshots go to the folder SHOTS names.
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as hands from './hands.mjs';
import { launch, serve } from './host.mjs';
import { hub } from './hub.mjs';
import * as measured from './measured.mjs';
import { nodeSide } from './node-side.mjs';
import * as rooms from './rooms.mjs';
import { seeInto } from './see.mjs';
import { tasks } from './tasks.mjs';
import { download, train } from './training.mjs';
import { lost, webgpu } from './webgpu.mjs';

const outDir = join(dirname(fileURLToPath(import.meta.url)), '..', 'dist');
const pictures = process.env.SHOTS ?? join(outDir, '..', 'shots');
mkdirSync(pictures, { recursive: true });

const usual = { ...rooms, ...hands, train, tasks, hub, webgpu, lost };
const checks = { ...usual, download, ...measured };
/** Measuring takes a quiet machine: that is done where it is named. */
const asked = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(usual);
const server = await serve(outDir);
const browser = await launch();
const node = await nodeSide(join(outDir, 'models', 'dense'));
let failed = 0;
for (const [name, check] of Object.entries(checks)) {
  if (!asked.includes(name)) continue;
  const began = performance.now();
  try {
    await check({ browser, url: server.url, outDir, node, see: seeInto(pictures) });
    process.stdout.write(`ok    ${name} ${((performance.now() - began) / 1000).toFixed(1)} s\n`);
  } catch (error) {
    failed++;
    process.stdout.write(`FAIL  ${name}\n${error instanceof Error ? error.stack : error}\n`);
  }
}
await browser.close();
await server.close();
await node.dispose();
process.stdout.write(failed === 0 ? `the demo: ${asked.length} checks in Chromium\n` : `${failed} failed\n`);
process.exit(failed === 0 ? 0 : 1);
