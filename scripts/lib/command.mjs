import { spawn } from 'node:child_process';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository's root folder. */
export const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/[\\/]$/, '');
/** Tools of the scripts' own (pnpm, a second Node). pnpm leaves dot folders in node_modules alone. */
export const toolsFolder = join(root, 'node_modules', '.tools');

/** A program among the root's dependencies. */
export const localBin = (/** @type {string} */ name) => join(root, 'node_modules', '.bin', name);

/** What npm tells its scripts about the command it runs, and what would bend an installation of ours. */
const NOT_INHERITED =
  /^(npm_config_(prefix|local_prefix|global|location|workspaces?|include_workspace_root|dry_run|omit|include|only|production|ignore_scripts|loglevel|silent|json|if_present|package|call)|NODE_ENV|FORCE_COLOR)$/i;

/**
 * The environment of child processes: plain text, no telemetry, and tools found in `folders` first.
 * @param {readonly string[]} folders
 * @returns {NodeJS.ProcessEnv}
 */
export function childEnvironment(folders = []) {
  const inherited = Object.fromEntries(Object.entries(process.env).filter(([name]) => !NOT_INHERITED.test(name)));
  const pathName = Object.keys(inherited).find((name) => name.toUpperCase() === 'PATH') ?? 'PATH';
  const path = [...folders, dirname(process.execPath), inherited[pathName]].filter(Boolean).join(delimiter);
  return { ...inherited, [pathName]: path, NO_COLOR: '1', TURBO_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1' };
}

/**
 * @typedef {object} CommandOptions
 * @property {string} [cwd]
 * @property {NodeJS.ProcessEnv} [env]
 * @property {(line: string) => void} [onLine] Called with every line of output as it comes.
 * @typedef {{ code: number, output: string, stdout: string }} CommandResult
 */

/**
 * Runs a program without stdin and keeps what it prints. A program that cannot start has code 127.
 * @param {readonly string[]} command
 * @param {CommandOptions} [options]
 * @returns {Promise<CommandResult>}
 */
export function capture([program = '', ...parameters], { cwd = root, env = childEnvironment(), onLine } = {}) {
  // On Windows npm's and pnpm's commands are .cmd files, which only a shell can start.
  const shell = process.platform === 'win32' && program !== process.execPath;
  return new Promise((resolve) => {
    const child = spawn(program, parameters, { cwd, env, shell, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    let stdout = '';
    let partial = '';
    const read = (/** @type {string} */ text) => {
      output += text;
      const lines = (partial + text).split(/\r?\n/);
      partial = lines.pop() ?? '';
      for (const line of lines) onLine?.(line);
    };
    child.stdout.setEncoding('utf8').on('data', (text) => {
      stdout += text;
      read(text);
    });
    child.stderr.setEncoding('utf8').on('data', read);
    child.on('error', (error) => resolve({ code: 127, output: `${output}${program}: ${error.message}\n`, stdout }));
    child.on('close', (code) => resolve({ code: code ?? 1, output, stdout }));
  });
}

/** The last lines of a long output. */
export function tail(/** @type {string} */ text, lines = 40) {
  return text.trimEnd().split('\n').slice(-lines).join('\n');
}

/** A failure that a person can fix: printed without a stack. */
export class Trouble extends Error {
  /**
   * @param {string} what
   * @param {string} fix
   * @param {string} [details] Output of the program that failed.
   */
  constructor(what, fix, details = '') {
    super(`${what}\n  fix  ${fix}${details && `\n\n${tail(details)}`}`);
  }
}

/**
 * Runs a program's main function; a {@link Trouble} is printed plainly and ends the process with code 1.
 * @param {() => Promise<void>} main
 */
export async function runMain(main) {
  try {
    await main();
  } catch (error) {
    process.stderr.write(`\n${error instanceof Trouble ? `error: ${error.message}` : error instanceof Error ? error.stack : error}\n`);
    process.exitCode = 1;
  }
}
