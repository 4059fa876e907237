import type { Part, Prompt } from '@densessm/generate';
import type { LanguageModel, TextOptions } from '../language-model';
import type { TimedPart, TimedText } from '../web/worker-model';

type Streamed = Pick<LanguageModel, 'streamTokens' | 'generateBatch' | 'tokenizer' | 'samplingDefaults'>;

/** Parts with the time since the first was asked for. */
export async function* timed(parts: AsyncIterable<Part>, promptTokens: number): AsyncGenerator<TimedPart, void, undefined> {
  const began = performance.now();
  let isFirst = true;
  for await (const part of parts) {
    yield { ...part, seconds: (performance.now() - began) / 1000, ...(isFirst && { promptTokens }) };
    isFirst = false;
  }
}

/** Tokens of a prompt as the model reads it; 0 for one that it will refuse. */
export function countTokens({ tokenizer }: Pick<LanguageModel, 'tokenizer'>, prompt: Prompt): number {
  if (typeof prompt !== 'string') return prompt?.length ?? 0;
  return (tokenizer as LanguageModel['tokenizer'] | undefined)?.encode(prompt).length ?? 0;
}

/** A whole text with its times. */
export async function timedText(model: Streamed, prompt: Prompt, options: TextOptions): Promise<TimedText> {
  const began = performance.now();
  if ((options.numBeams ?? 1) > 1) {
    const [found] = await timedBatch(model, [prompt], options);
    return found as TimedText;
  }
  const temperature = options.temperature ?? (options.useGenerationConfig ? model.samplingDefaults.temperature : undefined) ?? 0;
  const seed = options.seed ?? (temperature > 0 ? crypto.getRandomValues(new Uint32Array(1))[0] : undefined);
  const parts: TimedPart[] = [];
  const stream = model.streamTokens(prompt, { ...options, ...(seed !== undefined && { seed }) });
  for await (const part of timed(stream, countTokens(model, prompt))) parts.push(part);
  return wholeOf(parts, countTokens(model, prompt), temperature > 0 ? seed : undefined, (performance.now() - began) / 1000);
}

/** Several at once, which have one time together. */
export async function timedBatch(model: Streamed, prompts: readonly Prompt[], options: TextOptions): Promise<TimedText[]> {
  const began = performance.now();
  const texts = await model.generateBatch(prompts, options);
  const seconds = (performance.now() - began) / 1000;
  return texts.map((one) => ({ ...one, text: one.text ?? '', firstTokenSeconds: seconds, seconds }));
}

export function wholeOf(parts: readonly TimedPart[], promptTokens: number, seed: number | undefined, seconds: number): TimedText {
  const drawn = parts.filter(({ token }) => token !== undefined);
  return {
    tokens: drawn.map(({ token }) => token as number),
    text: parts.map(({ text }) => text).join(''),
    finishReason: parts.at(-1)?.finishReason ?? 'aborted',
    promptTokens,
    seed,
    ...(drawn[0]?.logprob !== undefined && { logprobs: drawn.map(({ logprob }) => logprob as number) }),
    ...(drawn[0]?.topLogprobs && { topLogprobs: drawn.map(({ topLogprobs }) => topLogprobs ?? []) }),
    firstTokenSeconds: parts[0]?.seconds ?? seconds,
    seconds,
  };
}
