import { type AnswerPart, SharedModel } from '@densessm/generate';
import { chatPrompt, messageEnds } from '@densessm/tokenizer';
import type { CallbackManagerForLLMRun } from '@langchain/core/callbacks/manager';
import {
  BaseChatModel,
  type BaseChatModelCallOptions,
  type BaseChatModelParams,
  type LangSmithParams,
} from '@langchain/core/language_models/chat_models';
import { AIMessage, AIMessageChunk, type BaseMessage, type UsageMetadata } from '@langchain/core/messages';
import { ChatGenerationChunk, type ChatResult } from '@langchain/core/outputs';
import { messagesOf } from './messages';
import { closeModel, type DenseSSMModel, type DenseSSMSampling, nameOf, samplingFor, samplingIn, tokenUsage } from './model';

/** Fields of {@link ChatDenseSSM}. */
export interface ChatDenseSSMFields extends BaseChatModelParams, DenseSSMSampling {
  /** What answers, as `loadModel` of the package `densessm` returns it. It stays the caller's to dispose of. */
  model: DenseSSMModel;
}

/** Options of one call of {@link ChatDenseSSM}. */
export type ChatDenseSSMCallOptions = BaseChatModelCallOptions & DenseSSMSampling;

/**
 * A chat model of LangChain on a model in this process. Conversations are written by the tokenizer's chat template, else as lines of `User:` and
 * `Assistant:`; one that goes on is not read again up to its last known message.
 */
export class ChatDenseSSM extends BaseChatModel<ChatDenseSSMCallOptions> {
  readonly model: DenseSSMModel;
  readonly sampling: DenseSSMSampling;

  constructor(fields: ChatDenseSSMFields) {
    super(fields);
    this.model = fields.model;
    this.sampling = samplingIn(fields);
  }

  static override lc_name(): string {
    return 'ChatDenseSSM';
  }

  /** Waits for the answers that were begun and frees the states that were kept. Call it before the model is disposed of. */
  close(): Promise<void> {
    return closeModel(this.model);
  }

  override _llmType(): string {
    return 'densessm';
  }

  override _identifyingParams(): Record<string, unknown> {
    return { model: nameOf(this.model), ...this.sampling };
  }

  override invocationParams(options?: this['ParsedCallOptions']): Record<string, unknown> {
    const { signal: _, ...sampling } = samplingFor(this.sampling, options ?? {});
    return { model: nameOf(this.model), ...sampling };
  }

  override getLsParams(options: this['ParsedCallOptions']): LangSmithParams {
    const { temperature, maxTokens } = samplingFor(this.sampling, options);
    return {
      ...super.getLsParams(options),
      ...{ ls_provider: 'densessm', ls_model_name: nameOf(this.model), ls_temperature: temperature, ls_max_tokens: maxTokens },
    };
  }

  /** @throws SsmError OPTION, TokenizerError where the chat template refuses the conversation, the reason of the signal where it aborts */
  override async _generate(messages: BaseMessage[], options: this['ParsedCallOptions']): Promise<ChatResult> {
    let text = '';
    let last: AnswerPart | undefined;
    for await (const part of this.#answer(messages, options)) {
      text += part.text;
      last = part;
    }
    const message = new AIMessage({ content: text, ...(last && { usage_metadata: usageOf(last), response_metadata: this.#about(last) }) });
    return { generations: [{ text, message }], ...(last && { llmOutput: tokenUsage(last) }) };
  }

  override async *_streamResponseChunks(
    messages: BaseMessage[],
    options: this['ParsedCallOptions'],
    runManager?: CallbackManagerForLLMRun,
  ): AsyncGenerator<ChatGenerationChunk> {
    for await (const part of this.#answer(messages, options)) {
      const { text, finishReason } = part;
      if (text === '' && !finishReason) continue;
      const end = finishReason && { usage_metadata: usageOf(part), response_metadata: this.#about(part) };
      const message = new AIMessageChunk({ content: text, ...end });
      const chunk = new ChatGenerationChunk({ text, message });
      yield chunk;
      await runManager?.handleLLMNewToken(text, undefined, undefined, undefined, undefined, { chunk });
    }
  }

  #answer(messages: readonly BaseMessage[], options: this['ParsedCallOptions']): AsyncGenerator<AnswerPart> {
    const { tokenizer } = this.model;
    const conversation = messagesOf(messages);
    const prompt = chatPrompt(tokenizer, conversation);
    const borders = messageEnds(tokenizer, conversation, prompt);
    return SharedModel.of(this.model).answer({ ...prompt, borders }, samplingFor(this.sampling, options));
  }

  #about({ finishReason }: AnswerPart): Record<string, unknown> {
    return { finish_reason: finishReason === 'length' ? 'length' : 'stop', model_name: nameOf(this.model), model_provider: 'densessm' };
  }
}

const usageOf = ({ promptTokens, cachedTokens, tokens }: AnswerPart): UsageMetadata => ({
  ...{ input_tokens: promptTokens, output_tokens: tokens, total_tokens: promptTokens + tokens },
  input_token_details: { cache_read: cachedTokens },
});
