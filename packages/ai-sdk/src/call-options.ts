import type { LanguageModelV3CallOptions, SharedV3Warning } from '@ai-sdk/provider';
import type { GenerateOptions } from '@densessm/generate';
import type { ChatPromptOptions } from '@densessm/tokenizer';

/** `providerOptions.densessm`: what this project samples with beyond the AI SDK's own settings. */
export type DenseSSMOptions = Pick<GenerateOptions, 'minP' | 'repetitionPenalty' | 'noRepeatNgram'> & {
  /** Added to the logit of a token, by its id. */
  logitBias?: Record<string, number>;
};

type Warn = (warning: SharedV3Warning) => void;

const OWN: readonly (keyof DenseSSMOptions)[] = ['minP', 'repetitionPenalty', 'noRepeatNgram', 'logitBias'];

/** The sampling of a call; what is left out comes from the model. */
export function samplingOf(options: LanguageModelV3CallOptions, warn: Warn): GenerateOptions {
  const own = options.providerOptions?.densessm ?? {};
  for (const name of Object.keys(own))
    if (!OWN.some((known) => known === name))
      warn({ type: 'other', message: `providerOptions.densessm.${name} is not known and was ignored.` });
  if (options.responseFormat?.type === 'json')
    warn({ type: 'unsupported', feature: 'responseFormat', details: 'Answers are free text; nothing makes them JSON.' });
  const stop = options.stopSequences?.filter((one) => one !== '') ?? [];
  const known = Object.fromEntries(OWN.flatMap((name) => (own[name] === undefined ? [] : [[name, own[name]]]))) as DenseSSMOptions;
  return {
    ...known,
    ...{ maxTokens: options.maxOutputTokens, temperature: options.temperature, topP: options.topP, topK: options.topK },
    ...{ presencePenalty: options.presencePenalty, frequencyPenalty: options.frequencyPenalty },
    ...(options.seed !== undefined && { seed: seedFrom(options.seed) }),
    ...(stop.length > 0 && { stop }),
    ...(options.abortSignal && { signal: options.abortSignal }),
  };
}

/** Ours are integers from 0; the AI SDK's are any. */
const seedFrom = (seed: number): number => ((Math.trunc(seed) % SEEDS) + SEEDS) % SEEDS;
const SEEDS = Number.MAX_SAFE_INTEGER;

/** The tools that the chat template is shown. */
export function toolsOf(
  { tools = [], toolChoice }: LanguageModelV3CallOptions,
  hasChatTemplate: boolean,
  warn: Warn,
): Pick<ChatPromptOptions, 'tools'> {
  if (toolChoice?.type === 'required' || toolChoice?.type === 'tool')
    warn({ type: 'unsupported', feature: 'toolChoice', details: 'Nothing makes the model call a tool.' });
  if (toolChoice?.type === 'none') return {};
  const described = tools.flatMap((tool) => {
    if (tool.type === 'function' && hasChatTemplate)
      return [{ type: 'function', function: { name: tool.name, description: tool.description, parameters: tool.inputSchema } }];
    warn({
      type: 'unsupported',
      feature: `tool ${tool.name}`,
      details: tool.type === 'function' ? 'There is no chat template to show it.' : 'Only its own provider can run it.',
    });
    return [];
  });
  if (described.length === 0) return {};
  warn({
    type: 'compatibility',
    feature: 'tools',
    details: 'The chat template shows them to the model; a call that it writes comes as text.',
  });
  return { tools: described };
}
