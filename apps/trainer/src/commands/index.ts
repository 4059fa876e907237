import type { Command } from 'commander';
import type { Io } from '../io';
import { registerChat } from './chat/command';
import { registerCompletion } from './completion/command';
import { registerConvert } from './convert/command';
import { registerDoctor } from './doctor/command';
import { registerEval } from './eval/command';
import { registerGenerate } from './generate/command';
import { registerInspect } from './inspect/command';
import { registerReport } from './report/command';
import { registerRuns } from './runs/command';
import { registerServe } from './serve/command';
import { registerSweep } from './sweep/command';
import { registerTokenize } from './tokenize/command';
import { registerTrain } from './train/command';

/** Adds a command, its options and what it does to the program. What it does is imported when it is called, so that `--help` is quick. */
export type Register = (program: Command, io: Io) => void;

/** In the order in which `--help` lists them. */
export const commands: readonly Register[] = [
  registerTrain,
  registerSweep,
  registerRuns,
  registerReport,
  registerGenerate,
  registerChat,
  registerServe,
  registerEval,
  registerInspect,
  registerTokenize,
  registerConvert,
  registerDoctor,
  registerCompletion,
];
