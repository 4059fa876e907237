import { homedir } from 'node:os';
import { join } from 'node:path';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Where Python's huggingface_hub keeps everything that is its own. */
export const hubHome = ({ HF_HOME, XDG_CACHE_HOME }: Environment): string =>
  HF_HOME || join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'huggingface');

/** A flag as Python's huggingface_hub reads it. */
export const isOn = (value: string | undefined): boolean => /^(1|true|yes|on)$/i.test(value ?? '');
