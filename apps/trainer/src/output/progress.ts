import type { Io } from '../io';
import { formatBytes, formatCount } from './numbers';

export interface Progress {
  /** Shows how far it is; a total that nobody knows is left out. */
  update(done: number, total?: number): void;
  /** The last state stays on the screen. */
  end(): void;
}

export interface ProgressOptions {
  readonly label: string;
  /** What is counted: `documents`, `tokens`; `bytes` are shown with their prefix. */
  readonly unit: string;
}

const BAR = 24;
/** Between two paintings of a bar, and between two lines where there is no terminal. */
const [REPAINT_MS, LINE_MS] = [100, 10_000];

/** Progress of a long job on stderr: a bar that is written over on a terminal, else a line now and then. */
export function openProgress(io: Io, { label, unit }: ProgressOptions): Progress {
  const { stderr } = io;
  const isTerminal = stderr.isTTY === true;
  const count = (value: number): string => (unit === 'bytes' ? formatBytes(value) : formatCount(value));
  const started = Date.now();
  let [shown, last, state] = [0, '', ''];
  const paint = (): void => {
    if (state === last) return;
    stderr.write(isTerminal ? `\r\u001b[K${state.slice(0, (stderr.columns ?? 80) - 1)}` : `${state}\n`);
    [shown, last] = [Date.now(), state];
  };
  return {
    update: (done, total) => {
      const share = total ? Math.min(1, done / total) : undefined;
      const known = `${count(done)}${total ? ` of ${count(total)}` : ''}${unit === 'bytes' ? '' : ` ${unit}`}`;
      const seconds = (Date.now() - started) / 1000;
      const left = share && share < 1 && seconds > 2 ? `, ${formatSeconds((seconds / share) * (1 - share))} left` : '';
      const drawn = isTerminal && share !== undefined ? `${bar(share)} ` : '';
      state = `${label}  ${drawn}${known}${left}`;
      if (Date.now() - shown >= (isTerminal ? REPAINT_MS : LINE_MS) && (isTerminal || seconds * 1000 >= LINE_MS)) paint();
    },
    end: () => {
      if (isTerminal) paint();
      if (isTerminal && last !== '') stderr.write('\n');
    },
  };
}

const bar = (share: number): string => {
  const full = Math.round(share * BAR);
  return `${'█'.repeat(full)}${'░'.repeat(BAR - full)} ${Math.floor(100 * share)
    .toString()
    .padStart(3)} %`;
};

/** 42 s, 3 min 5 s, 2 h 10 min. */
export function formatSeconds(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.round((whole % 3600) / 60)} min`;
}
