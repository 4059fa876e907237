import type { TextOutput } from '../io';

/** 1 h 02 min, 3 min 20 s, 12 s, 0.4 s */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '?';
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60)];
  if (hours >= 48) return `${(hours / 24).toFixed(1)} days`;
  if (hours > 0) return `${hours} h ${String(minutes).padStart(2, '0')} min`;
  return minutes > 0 ? `${minutes} min ${String(whole % 60).padStart(2, '0')} s` : `${whole} s`;
}

/** 0.72 M, 350 M */
export function shortCount(count: number): string {
  const [divisor, unit] = count >= 1e9 ? [1e9, ' B'] : count >= 1e5 ? [1e6, ' M'] : count >= 1e4 ? [1e3, ' k'] : [1, ''];
  const value = count / divisor;
  return `${divisor === 1 ? value : value < 10 ? value.toFixed(2) : value < 100 ? value.toFixed(1) : Math.round(value)}${unit}`;
}

/** A figure that moves on quickly at first and settles then: a mean whose memory is `memory` values. */
export function smoothed(memory = 20): (value: number) => number {
  let mean = 0;
  let count = 0;
  return (value) => {
    count++;
    mean += (value - mean) / Math.min(count, memory);
    return mean;
  };
}

/** One line at the foot of a terminal that is written over in place; lines that stay appear above it. */
export class StatusLine {
  #shown = '';

  constructor(readonly output: TextOutput) {}

  /** Replaces the line. Written in one piece, from the start of the line to its end, so that nothing flickers. */
  show(line: string): void {
    const cut = line.slice(0, Math.max(1, (this.output.columns ?? 80) - 1));
    if (cut === this.#shown) return;
    this.output.write(`\r${cut}\x1b[K`);
    this.#shown = cut;
  }

  /** A line that stays. */
  print(line: string): void {
    if (this.#shown === '') this.output.write(`${line}\n`);
    else this.output.write(`\r${line}\x1b[K\n${this.#shown}`);
  }

  /** Takes the line away. */
  clear(): void {
    if (this.#shown !== '') this.output.write('\r\x1b[K');
    this.#shown = '';
  }
}

/** ████░░░░ for a share of 0 to 1. */
export function bar(share: number, width: number): string {
  const filled = Math.round(Math.min(1, Math.max(0, share)) * width);
  return '█'.repeat(filled) + '░'.repeat(width - filled);
}
