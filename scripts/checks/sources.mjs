import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { capture, localBin, root, tail } from '../lib/command.mjs';
import { buildAll } from '../lib/pack.mjs';
import { workspacePackages } from '../lib/workspace.mjs';

/** @typedef {import('../lib/phases.mjs').Outcome} Outcome */

/**
 * A program that passes or fails as a whole.
 * @param {string} note
 * @param {readonly string[]} command
 * @param {import('../lib/command.mjs').CommandOptions} [options]
 * @returns {Promise<Outcome>}
 */
async function one(note, command, options) {
  return outcome(note, await capture(command, options));
}

/** @param {string} note @param {import('../lib/command.mjs').CommandResult} result @returns {Outcome} */
const outcome = (note, { code, output }) => ({ passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, note, output: tail(output, 120) });

export const lint = () => one('biome: format, imports, cycles', [localBin('biome'), 'check', '--error-on-warnings', '--colors=off']);

export const types = async () => {
  const ours = await one('tsc: packages, tests, scripts and bench', [localBin('tsc'), '--noEmit', '--pretty', 'false']);
  const page = await svelteCheck();
  const output = [ours, page].map(({ output: text }) => text ?? '').join('\n');
  return {
    passed: ours.passed + page.passed,
    failed: ours.failed + page.failed,
    note: 'tsc: packages, tests, scripts, bench; svelte-check: demo',
    output,
  };
};

/** The demo's components, which tsc cannot read. @returns {Promise<Outcome>} */
async function svelteCheck() {
  const cwd = join(root, 'apps', 'demo');
  const program = join(cwd, 'node_modules', 'svelte-check', 'bin', 'svelte-check');
  const command = [process.execPath, program, '--tsconfig', 'tsconfig.json', '--fail-on-warnings', '--output', 'machine'];
  return outcome('svelte-check', await capture(command, { cwd }));
}

/** @param {NodeJS.ProcessEnv} env with pnpm on PATH, which turbo needs */
export const build = async (env) => {
  const count = workspacePackages().filter(({ manifest }) => manifest.scripts?.build).length;
  const note = `tsup: ${count} packages`;
  return outcome(note, await buildAll(env, [`--concurrency=${availableParallelism()}`]));
};

/**
 * Unit, parity, conformance and architecture tests.
 * @param {string} folder for vitest's report
 * @returns {Promise<Outcome>}
 */
export const unit = (folder) => vitest(join(folder, 'vitest.json'));

/** @param {string} report where vitest writes it @param {readonly string[]} [flags] @returns {Promise<Outcome>} */
export async function vitest(report, flags = []) {
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const { code, output } = await capture([localBin('vitest'), 'run', ...reporters, ...flags]);
  if (!existsSync(report)) return { passed: 0, failed: 1, note: 'vitest came to no end', output: tail(output) };
  /** @type {{ numPassedTests: number, numFailedTests: number, numPendingTests: number, testResults: unknown[] }} */
  const result = JSON.parse(readFileSync(report, 'utf8'));
  const { numPassedTests: passed, numFailedTests, numPendingTests, testResults } = result;
  const skipped = numPendingTests > 0 ? `, ${numPendingTests} skipped` : '';
  // A file that cannot be loaded and an unhandled rejection fail the run without failing a test.
  const failed = code === 0 ? 0 : Math.max(1, numFailedTests);
  return { passed, failed, note: `vitest: ${passed + failed} tests in ${testResults.length} files${skipped}`, output: failures(output) };
}

/** vitest's account of what failed, without the files that passed. */
function failures(/** @type {string} */ output) {
  const start = output.search(/^.*(Failed (Tests|Suites)|Unhandled Errors).*$/m);
  return start < 0 ? tail(output, 80) : output.slice(start).split('\n').slice(0, 200).join('\n');
}
