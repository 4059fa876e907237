import { generate, type ModelBundle } from '@densessm/generate';
import type { Tokenizer } from '@densessm/tokenizer';
import type { SampleRecord, TokenSource } from '@densessm/train';

/** Tokens of a sample, and characters of the prompt that it continues from. */
const [SAMPLE_TOKENS, PROMPT_CHARACTERS] = [160, 60];

/** The beginning of the held-out text, whole words only: where the text was cut is chance. */
export async function promptFrom(validation: TokenSource, tokenizer: Tokenizer): Promise<string> {
  const ids = await validation.read(0, Math.min(validation.length, 2 * PROMPT_CHARACTERS));
  const text = tokenizer.decode(ids, { skipSpecialTokens: true });
  const isWholeText = validation.documentStarts[0] === 0;
  const words = (isWholeText ? text : text.replace(/^\S*\s/, '')).trimStart();
  const start = words.slice(0, PROMPT_CHARACTERS).replace(/\uFFFD+$/, '');
  const end = start.search(/\s\S*$/);
  return (end > 8 ? start.slice(0, end) : start) || text;
}

/** What the model makes of the prompt: the same for the same weights. */
export async function drawSample(
  bundle: ModelBundle & { tokenizer: Tokenizer },
  prompt: string,
  step: number,
  seed: number,
): Promise<SampleRecord> {
  const { text = '' } = await generate(bundle, prompt, { maxTokens: SAMPLE_TOKENS, temperature: 0.8, topP: 0.95, seed });
  return { type: 'sample', step, prompt, text, wallTime: Date.now() / 1000 };
}
