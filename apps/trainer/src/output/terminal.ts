import { styleText } from 'node:util';
import type { Io, TextOutput } from '../io';

/** Whether colors are shown: on a terminal, unless NO_COLOR (https://no-color.org) or TERM says otherwise; FORCE_COLOR shows them anywhere. */
export function hasColors({ env }: Pick<Io, 'env'>, output: TextOutput): boolean {
  if (env.NO_COLOR) return false;
  if (env.FORCE_COLOR) return env.FORCE_COLOR !== '0';
  return output.isTTY === true && env.TERM !== 'dumb';
}

export type Style = Parameters<typeof styleText>[0];

/** The text in a style, where colors are shown. */
export const styled = (io: Pick<Io, 'env'>, output: TextOutput, style: Style, text: string): string =>
  hasColors(io, output) ? styleText(style, text, { validateStream: false }) : text;

/** Characters of a line that a table may take; undefined where no terminal sets a limit. */
export const terminalWidth = ({ stdout }: Pick<Io, 'stdout'>): number | undefined => (stdout.isTTY ? stdout.columns : undefined);
