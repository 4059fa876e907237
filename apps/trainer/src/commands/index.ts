import type { Command } from 'commander';
import type { Io } from '../io';
import { registerChat } from './chat';
import { registerConvert } from './convert';
import { registerDoctor } from './doctor';
import { registerEval } from './eval';
import { registerGenerate } from './generate';
import { registerInspect } from './inspect';
import { registerTokenize } from './tokenize';

/** Adds a command, its options and what it does to the program. */
export type Register = (program: Command, io: Io) => void;

/** In the order in which `--help` lists them. */
export const commands: readonly Register[] = [
  registerGenerate,
  registerChat,
  registerEval,
  registerInspect,
  registerTokenize,
  registerConvert,
  registerDoctor,
];
