import { parquet } from './parquet';
import { runJson, trainerJson } from './run-files';
import type { Target } from './target';
import { tokenizer } from './tokenizer';

/** What is read from files of others, by the name under which `npm run fuzz` takes it. */
export const TARGETS: Readonly<Record<string, Target>> = { parquet, run: runJson, trainer: trainerJson, tokenizer };
