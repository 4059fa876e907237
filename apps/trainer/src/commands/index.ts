import type { Command } from 'commander';
import type { Io } from '../io';

/** Adds a command, its options and what it does to the program. */
export type Register = (program: Command, io: Io) => void;

/** In the order in which `--help` lists them. */
export const commands: readonly Register[] = [];
