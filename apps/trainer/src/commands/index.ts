import type { Command } from 'commander';
import type { Io } from '../io';
import { registerChat } from './chat';
import { registerConvert } from './convert';
import { registerDoctor } from './doctor';
import { registerEval } from './eval';
import { registerGenerate } from './generate';
import { registerInspect } from './inspect';
import { registerReport } from './report';
import { registerRuns } from './runs';
import { registerTokenize } from './tokenize';
import { registerTrain } from './train';

/** Adds a command, its options and what it does to the program. */
export type Register = (program: Command, io: Io) => void;

/** In the order in which `--help` lists them. */
export const commands: readonly Register[] = [
  registerTrain,
  registerRuns,
  registerReport,
  registerGenerate,
  registerChat,
  registerEval,
  registerInspect,
  registerTokenize,
  registerConvert,
  registerDoctor,
];
