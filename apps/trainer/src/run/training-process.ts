import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { parseRecordLine, type RunRecord } from '@densessm/train';
import type { RunPlan } from '../view/run-view';

/** A `densessm train` that runs as a process of its own. */
export interface TrainingProcess {
  /** Resolves before the first step, with what the run will take, or when the process has ended without one. */
  readonly planned: Promise<RunPlan | undefined>;
  /** Undefined as a code where a signal ended it. */
  readonly ended: Promise<{ readonly code: number | undefined; readonly errors: string }>;
  /** Lets it save and end, as Ctrl-C does. */
  stop(): void;
}

interface TrainingOptions {
  /** The words that start the command. */
  readonly self: readonly string[];
  readonly cwd: string;
  readonly env?: NodeJS.ProcessEnv;
  onRecord(record: RunRecord): void;
}

/** Starts `densessm train`. The process saves and ends when this one stops it or dies: both close the channel between them. */
export function startTraining(argv: readonly string[], { self, cwd, env, onRecord }: TrainingOptions): TrainingProcess {
  const [program = '', ...words] = self;
  const child = spawn(program, [...words, 'train', '--json', ...argv], { cwd, env, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
  let [partial, errors] = ['', ''];
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const ended = new Promise<{ code: number | undefined; errors: string }>((resolve) => {
    child.on('error', (error) => resolve({ code: 1, errors: `${error.message}\n` }));
    const isRead = Promise.all([child.stdout, child.stderr].map((stream) => stream && once(stream, 'close')));
    child.on('exit', (code, signal) => {
      // Not 'close', which Node leaves out after disconnect(): https://github.com/nodejs/node/issues/19433
      void isRead.then(() => resolve({ code: code ?? undefined, errors: signal ? `ended by ${signal}\n` : asText(errors) }));
    });
  });
  const planned = new Promise<RunPlan | undefined>((resolve) => {
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      const lines = (partial + text).split('\n');
      partial = lines.pop() ?? '';
      for (const line of lines) {
        const record = parseRecordLine(line); // undefined for the plan and the result
        if (record !== undefined) onRecord(record);
        else if (line.startsWith('{"type":"plan"')) resolve(JSON.parse(line));
      }
    });
    void ended.then(() => resolve(undefined));
  });
  const stop = (): void => {
    if (child.connected) child.disconnect();
  };
  return { planned, ended, stop };
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
