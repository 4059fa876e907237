import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { parseRecordLine, type RunRecord } from '@densessm/train';
import { root } from './command.mjs';

export interface Training {
  /** Resolves at the first record, when data and model are there, or when the process has ended without one. */
  readonly begun: Promise<void>;
  readonly ended: Promise<{ readonly code: number; readonly errors: string }>;
}

/** Starts `densessm train` as a process of its own, from the sources. */
export function startTraining(argv: readonly string[], onRecord: (record: RunRecord) => void): Training {
  const cli = join(root, 'apps', 'trainer', 'src', 'cli.ts');
  const child = spawn(process.execPath, [...process.execArgv, cli, 'train', '--json', ...argv], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [partial, errors] = ['', ''];
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const ended = new Promise<{ code: number; errors: string }>((resolve) => {
    child.on('close', (code) => resolve({ code: code ?? 1, errors: asText(errors) }));
  });
  const begun = new Promise<void>((resolve) => {
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      const lines = (partial + text).split('\n');
      partial = lines.pop() ?? '';
      for (const line of lines) {
        const record = parseRecordLine(line); // undefined for the result at the end
        if (record !== undefined) onRecord(record);
      }
      resolve();
    });
    child.on('close', () => resolve());
  });
  return { begun, ended };
}

/** With `--json` errors are JSON too. */
function asText(errors: string): string {
  try {
    const { message, expected, got, fix } = JSON.parse(errors).error;
    return `${[message, expected && `  expected  ${expected}`, got && `  got       ${got}`, fix && `  fix       ${fix}`].filter(Boolean).join('\n')}\n`;
  } catch {
    return errors;
  }
}
