// `npm test`: everything that must hold before a change is merged. Needs Node and npm; see setup.mjs.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runMain } from './lib/command.mjs';
import { runPhases } from './lib/phases.mjs';
import { setup } from './setup.mjs';

const write = (/** @type {string} */ text) => process.stdout.write(text);

await runMain(async () => {
  const started = performance.now();
  const env = await setup();
  // These use packages that exist only after setup.
  const { build, lint, types, unit } = await import('./checks/sources.mjs');
  const { mpi } = await import('./checks/mpi.mjs');
  const { site } = await import('./checks/site.mjs');
  const { packages } = await import('./checks/packages.mjs');
  const { browserRuntime, browserSessions, browserWorker, nodePrograms, viteApp } = await import('./checks/consumers.mjs');
  const { demo } = await import('./checks/demo.mjs');
  const folder = mkdtempSync(join(tmpdir(), 'densessm-test-'));
  /** @type {import('./checks/packages.mjs').Tarballs} */
  const tarballs = new Map();
  try {
    const finished = await runPhases(
      [
        { name: 'lint', after: [], run: lint },
        { name: 'types', after: [], run: types },
        { name: 'unit', after: [], run: () => unit(folder) },
        { name: 'docs', after: [], run: site },
        { name: 'mpi', after: ['docs'], run: () => mpi(folder) },
        { name: 'build', after: [], run: () => build(env) },
        { name: 'packages', after: ['build'], run: () => packages(env, folder, tarballs) },
        { name: 'node', after: ['packages'], run: () => nodePrograms(folder, tarballs) },
        { name: 'vite', after: ['packages'], run: () => viteApp(folder, tarballs) },
        { name: 'browser', after: ['vite'], run: () => browserSessions(folder) },
        { name: 'web', after: ['vite'], run: () => browserRuntime(folder) },
        { name: 'worker', after: ['vite'], run: () => browserWorker(folder) },
        { name: 'demo', after: ['build'], run: demo },
      ],
      2,
      process.stdout,
    );
    summarize(finished, performance.now() - started);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

/** @param {import('./lib/phases.mjs').Finished[]} finished @param {number} ms */
function summarize(finished, ms) {
  const total = (/** @type {'passed' | 'failed'} */ kind) => finished.reduce((sum, { outcome }) => sum + outcome[kind], 0);
  const bad = finished.filter(({ outcome }) => outcome.failed > 0).map(({ phase }) => phase.name);
  const unchecked = finished.filter(({ outcome }) => outcome.passed + outcome.failed === 0).map(({ phase }) => phase.name);
  if (bad.length > 0) write(`\nfailed: ${bad.join(', ')}\n`);
  if (unchecked.length > 0) write(`\nnot checked: ${unchecked.join(', ')}\n`);
  write(`\n${(ms / 1000).toFixed(0)} s in all\n${total('passed')} passed, ${total('failed')} failed\n`);
  if (bad.length > 0) process.exitCode = 1;
}
