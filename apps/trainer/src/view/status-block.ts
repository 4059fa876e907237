import type { TextOutput } from '../io';

/** Some lines at the foot of a terminal that are written over in place; lines that stay appear above them. */
export class StatusBlock {
  #shown: readonly string[] = [];

  constructor(readonly output: TextOutput) {}

  /** Replaces the lines. Written in one piece, so that nothing flickers. */
  show(lines: readonly string[]): void {
    const cut = lines.map((line) => line.slice(0, Math.max(1, (this.output.columns ?? 80) - 1)));
    if (cut.join('\n') === this.#shown.join('\n')) return;
    this.output.write(`${this.#toTop()}${cut.map((line) => `${line}\x1b[K`).join('\n')}\x1b[J`);
    this.#shown = cut;
  }

  /** A line that stays. */
  print(line: string): void {
    const below = this.#shown.map((one) => `${one}\x1b[K`).join('\n');
    this.output.write(`${this.#toTop()}${line}\x1b[K\n${below}`);
  }

  /** Takes the lines away. */
  clear(): void {
    if (this.#shown.length > 0) this.output.write(`${this.#toTop()}\x1b[J`);
    this.#shown = [];
  }

  #toTop(): string {
    if (this.#shown.length === 0) return '';
    return this.#shown.length > 1 ? `\r\x1b[${this.#shown.length - 1}A` : '\r';
  }
}
