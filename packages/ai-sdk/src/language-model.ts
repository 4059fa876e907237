import type {
  LanguageModelV3,
  LanguageModelV3CallOptions,
  LanguageModelV3FinishReason,
  LanguageModelV3GenerateResult,
  LanguageModelV3StreamPart,
  LanguageModelV3StreamResult,
  LanguageModelV3Usage,
  SharedV3Warning,
} from '@ai-sdk/provider';
import { type AnswerPart, type SharedBundle, SharedModel } from '@densessm/generate';
import { chatPrompt, messageEnds, type Tokenizer } from '@densessm/tokenizer';
import { samplingOf, toolsOf } from './call-options';
import { messagesOf } from './messages';
import { streamOf } from './stream';

/** What answers: a `LanguageModel` of the package `densessm`, which has a tokenizer. */
export interface DenseSSMModel extends SharedBundle {
  readonly tokenizer: Tokenizer;
  /** Where it was loaded from. */
  readonly source?: string;
}

/** The text of an answer is one block. */
const BLOCK = '0';

/** A model in this process, as the AI SDK calls it. */
export class DenseSSMLanguageModel implements LanguageModelV3 {
  readonly specificationVersion = 'v3';
  readonly provider = 'densessm';
  readonly modelId: string;
  /** None: no model here reads files. */
  readonly supportedUrls = {};
  readonly #model: DenseSSMModel;

  constructor(model: DenseSSMModel, modelId: string) {
    this.#model = model;
    this.modelId = modelId;
  }

  /** Rejects with the reason of an abort. @throws SsmError OPTION, TokenizerError where the chat template refuses the conversation */
  async doGenerate(options: LanguageModelV3CallOptions): Promise<LanguageModelV3GenerateResult> {
    const { parts, warnings } = this.#begin(options);
    let [text, last]: [string, AnswerPart | undefined] = ['', undefined];
    for await (const part of parts) [text, last] = [text + part.text, part];
    return {
      content: text === '' ? [] : [{ type: 'text', text }],
      finishReason: finishOf(last),
      usage: usageOf(last),
      warnings,
      response: { modelId: this.modelId, timestamp: new Date() },
    };
  }

  /** An abort ends the stream with its reason; any other error is a part of it. */
  async doStream(options: LanguageModelV3CallOptions): Promise<LanguageModelV3StreamResult> {
    const { parts, warnings } = this.#begin(options);
    return { stream: streamOf(this.#parts(parts, warnings, options.abortSignal)) };
  }

  #begin(options: LanguageModelV3CallOptions): { parts: AsyncGenerator<AnswerPart>; warnings: SharedV3Warning[] } {
    const warnings: SharedV3Warning[] = [];
    const { tokenizer } = this.#model;
    const messages = messagesOf(options.prompt, (warning) => warnings.push(warning));
    const sampling = samplingOf(options, (warning) => warnings.push(warning));
    const tools = toolsOf(options, tokenizer.hasChatTemplate, (warning) => warnings.push(warning));
    const prompt = chatPrompt(tokenizer, messages, tools);
    const borders = messageEnds(tokenizer, messages, prompt, tools);
    return { parts: SharedModel.of(this.#model).answer({ ...prompt, borders }, sampling), warnings };
  }

  async *#parts(
    parts: AsyncGenerator<AnswerPart>,
    warnings: SharedV3Warning[],
    signal: AbortSignal | undefined,
  ): AsyncGenerator<LanguageModelV3StreamPart, void, undefined> {
    yield { type: 'stream-start', warnings };
    yield { type: 'response-metadata', modelId: this.modelId, timestamp: new Date() };
    yield { type: 'text-start', id: BLOCK };
    let last: AnswerPart | undefined;
    let finishReason: LanguageModelV3FinishReason | undefined;
    try {
      for await (const part of parts) {
        last = part;
        if (part.text !== '') yield { type: 'text-delta', id: BLOCK, delta: part.text };
      }
    } catch (error) {
      if (signal?.aborted) throw error;
      yield { type: 'error', error };
      finishReason = { unified: 'error', raw: undefined };
    }
    yield { type: 'text-end', id: BLOCK };
    yield { type: 'finish', usage: usageOf(last), finishReason: finishReason ?? finishOf(last) };
  }
}

function finishOf(last: AnswerPart | undefined): LanguageModelV3FinishReason {
  const raw = last?.finishReason;
  return { unified: raw === undefined ? 'other' : raw === 'length' ? 'length' : 'stop', raw };
}

function usageOf({ promptTokens, cachedTokens, tokens }: Partial<AnswerPart> = {}): LanguageModelV3Usage {
  const noCache = promptTokens === undefined ? undefined : promptTokens - (cachedTokens ?? 0);
  return {
    inputTokens: { total: promptTokens, noCache, cacheRead: cachedTokens, cacheWrite: undefined },
    outputTokens: { total: tokens, text: tokens, reasoning: undefined },
  };
}
