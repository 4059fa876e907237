import { type AnyModel, isDeviceLoss, type ReloadableParams, SsmError } from '@densessm/ssm-core';

/** What generation needs of a tokenizer; the objects of `@densessm/tokenizer` fit. */
export interface TextTokenizer {
  encode(text: string, options?: { addSpecialTokens?: boolean }): number[];
  decode(ids: readonly number[], options?: { skipSpecialTokens?: boolean }): string;
  /**
   * Decodes bit by bit: `push` returns the text that became certain, never half a character; `end` the rest.
   * `eager` asks for each character as soon as it is complete, `unknownIds: 'skip'` for no text in place of an id without a token.
   */
  decodeStream(options?: { skipSpecialTokens?: boolean; eager?: boolean; unknownIds?: 'throw' | 'skip' }): {
    push(id: number): string;
    end(): string;
  };
  /** The tokens that begin and end a text, where there are any. */
  readonly specialIds?: { readonly bos: number | null; readonly eos: number | null };
}

/** A model with its config, its weights and, for text, its tokenizer. What `loadPretrained` of a runtime returns is one. */
export interface ModelBundle {
  readonly model: AnyModel;
  readonly config: object;
  readonly params: object;
  readonly tokenizer?: TextTokenizer;
  /** Where there is one, texts go on after the device of `params` was lost. */
  readonly reloadable?: ReloadableParams;
}

/** The bundle with params on a device that was not lost, as far as is known. */
export const bundleNow = (bundle: ModelBundle): ModelBundle => {
  const params = bundle.reloadable?.now(bundle.params) ?? bundle.params;
  return params === bundle.params ? bundle : { ...bundle, params };
};

/** The bundle after an error: on another device, where it says that the one of its params was lost. @throws what was given, for anything else */
export async function bundleAfter(error: unknown, bundle: ModelBundle): Promise<ModelBundle> {
  const params = isDeviceLoss(error) ? await bundle.reloadable?.after(bundle.params) : undefined;
  if (params === undefined) throw error;
  return { ...bundle, params };
}

/** Text, for a bundle with a tokenizer, or token ids. */
export type Prompt = string | readonly number[] | Int32Array;

/** @throws SsmError OPTION for what is no model with its weights, such as a prompt in its place */
export function requireBundle(where: string, bundle: unknown): void {
  if (typeof bundle === 'object' && bundle !== null && 'model' in bundle && 'params' in bundle) return;
  throw new SsmError({
    code: 'OPTION',
    what: `${where}: the first argument is no model.`,
    expected: 'a model with its config and params, as loadPretrained returns it',
    got: short(bundle),
    fix: where === 'Session' ? 'write new Session(model, options)' : `write ${where}(model, prompt, options)`,
  });
}

const short = (value: unknown): string => (JSON.stringify(value) ?? String(value)).slice(0, 80);

/** @throws SsmError OPTION where the bundle has no tokenizer. */
export function tokenizerOf(where: string, bundle: ModelBundle, why: string): TextTokenizer {
  if (bundle.tokenizer) return bundle.tokenizer;
  throw new SsmError({
    code: 'OPTION',
    what: `${where}: the model has no tokenizer.`,
    expected: `a tokenizer, for ${why}`,
    got: 'a model without one',
    fix: 'pass { ...model, tokenizer }, or work with token ids',
  });
}

/**
 * The ids of a prompt. Text gets the special tokens that begin a text, where the tokenizer has such.
 * @throws SsmError TOKENS for a prompt without tokens, OPTION for text without a tokenizer and for what is no prompt, as a conversation
 */
export function promptIds(where: string, bundle: ModelBundle, prompt: Prompt, addSpecialTokens = true): readonly number[] {
  requirePrompt(where, 'prompt', prompt, 'pass the prompt first and the options after it');
  const ids = typeof prompt === 'string' ? tokenizerOf(where, bundle, 'text').encode(prompt, { addSpecialTokens }) : Array.from(prompt);
  if (ids.length > 0) return ids;
  throw new SsmError({
    code: 'TOKENS',
    what: `${where}: the prompt is empty.`,
    expected: 'at least one token',
    got: typeof prompt === 'string' ? `${JSON.stringify(prompt)}, which has none` : 'no tokens',
    fix: 'start a text with the bos or eos token',
  });
}

/** @throws SsmError OPTION for what is neither text nor a list of ids, as a conversation */
export function requirePrompt(where: string, name: string, prompt: unknown, fix: string): asserts prompt is Prompt {
  if (typeof prompt === 'string' || prompt instanceof Int32Array) return;
  const isMessages = Array.isArray(prompt) && prompt.some((one) => typeof one === 'object' && one !== null);
  if (Array.isArray(prompt) && !isMessages) return;
  throw new SsmError({
    code: 'OPTION',
    what: `${where}: \`${name}\` is ${isMessages ? 'a list of messages' : 'neither text nor token ids'}.`,
    expected: 'text, or a list of token ids',
    got: short(prompt),
    fix: isMessages ? CONVERSATION : fix,
  });
}

const CONVERSATION =
  'answer a conversation with model.chat(messages) of loadModel, or pass the text of tokenizer.applyChatTemplate(messages)';
