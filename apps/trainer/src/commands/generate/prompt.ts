import { usageError } from '../../errors';
import { readTextInput } from '../../input/read-text';
import type { Io } from '../../io';
import { type OpenModel, requireTokenizer } from '../../model/open-model';

export interface PromptFlags {
  prompt?: string;
  promptFile?: string;
  /** The prompt is token ids. */
  ids?: boolean;
}

/** The prompt as it was given: the argument, `-` for the standard input, a flag or a file; undefined where there is none. */
export async function promptText(io: Io, argument: string | undefined, { prompt, promptFile }: PromptFlags): Promise<string | undefined> {
  const given = [argument, prompt, promptFile].filter((one) => one !== undefined);
  if (given.length > 1)
    throw usageError(
      'there are several prompts.',
      'one of the argument, --prompt and --prompt-file',
      `${given.length} of them`,
      'keep one',
    );
  if (promptFile !== undefined) return readTextInput(io, promptFile);
  const text = argument ?? prompt;
  return text === '-' ? readTextInput(io, '-') : text;
}

/**
 * The ids of a prompt. Without one, what begins a text: the bos or eos token, else a line break.
 * @throws SsmError OPTION for `--ids` that are none, FILE for text without a tokenizer
 */
export function promptTokens(model: OpenModel, text: string | undefined, { ids }: PromptFlags): number[] {
  if (ids) return idsOf(text ?? '');
  const tokenizer = requireTokenizer(model);
  if (text !== undefined && text !== '') return tokenizer.encode(text);
  const { bos, eos } = tokenizer.specialIds;
  const special = bos ?? eos;
  return special === null ? tokenizer.encode('\n') : [special];
}

/** Whole numbers between spaces or commas, in brackets or not. */
export function idsOf(text: string): number[] {
  const words = text.split(/[\s,[\]]+/).filter(Boolean);
  const wrong = words.find((word) => !/^\d+$/.test(word));
  if (wrong !== undefined || words.length === 0)
    throw usageError('these are no token ids.', 'integers, such as 5 23 8', wrong ?? 'nothing', 'leave --ids out for text');
  return words.map(Number);
}
