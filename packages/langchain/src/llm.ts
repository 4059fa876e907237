import { type AnswerPart, SharedModel } from '@densessm/generate';
import type { CallbackManagerForLLMRun } from '@langchain/core/callbacks/manager';
import { BaseLLM, type BaseLLMCallOptions, type BaseLLMParams } from '@langchain/core/language_models/llms';
import { type Generation, GenerationChunk, type LLMResult } from '@langchain/core/outputs';
import { closeModel, type DenseSSMModel, type DenseSSMSampling, nameOf, samplingFor, samplingIn, tokenUsage } from './model';

/** Fields of {@link DenseSSM}. */
export interface DenseSSMFields extends BaseLLMParams, DenseSSMSampling {
  /** What continues texts, as `loadModel` of the package `densessm` returns it. It stays the caller's to dispose of. */
  model: DenseSSMModel;
}

/** Options of one call of {@link DenseSSM}. */
export interface DenseSSMCallOptions extends Omit<BaseLLMCallOptions, 'stop'>, DenseSSMSampling {}

/** An LLM of LangChain, which continues a text, on a model in this process. */
export class DenseSSM extends BaseLLM<DenseSSMCallOptions> {
  readonly model: DenseSSMModel;
  readonly sampling: DenseSSMSampling;

  constructor(fields: DenseSSMFields) {
    super(fields);
    this.model = fields.model;
    this.sampling = samplingIn(fields);
  }

  static override lc_name(): string {
    return 'DenseSSM';
  }

  /** Waits for the texts that were begun and frees the states that were kept. Call it before the model is disposed of. */
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

  /** Continues the texts together. @throws SsmError OPTION, TOKENS; the reason of the signal where it aborts */
  override async _generate(prompts: string[], options: this['ParsedCallOptions']): Promise<LLMResult> {
    const texts = await Promise.all(prompts.map((prompt) => this.#whole(prompt, options)));
    const total = texts.reduce((sum, { last }) => added(sum, last), NOTHING);
    return { generations: texts.map(({ generation }) => [generation]), llmOutput: tokenUsage(total) };
  }

  override async *_streamResponseChunks(
    prompt: string,
    options: this['ParsedCallOptions'],
    runManager?: CallbackManagerForLLMRun,
  ): AsyncGenerator<GenerationChunk> {
    for await (const { text, finishReason } of this.#answer(prompt, options)) {
      if (text === '' && !finishReason) continue;
      yield new GenerationChunk({ text, ...(finishReason && { generationInfo: { finishReason } }) });
      await runManager?.handleLLMNewToken(text);
    }
  }

  #answer(prompt: string, options: this['ParsedCallOptions']): AsyncGenerator<AnswerPart> {
    const ids = this.model.tokenizer.encode(prompt);
    return SharedModel.of(this.model).answer({ ids }, samplingFor(this.sampling, options));
  }

  async #whole(prompt: string, options: this['ParsedCallOptions']): Promise<{ generation: Generation; last: AnswerPart }> {
    let [text, last] = ['', NOTHING];
    for await (const part of this.#answer(prompt, options)) [text, last] = [text + part.text, part];
    return { generation: { text, generationInfo: { finishReason: last.finishReason } }, last };
  }
}

const NOTHING: AnswerPart = { text: '', promptTokens: 0, cachedTokens: 0, tokens: 0 };

const added = (a: AnswerPart, b: AnswerPart): AnswerPart => ({
  ...{
    text: '',
    promptTokens: a.promptTokens + b.promptTokens,
    cachedTokens: a.cachedTokens + b.cachedTokens,
    tokens: a.tokens + b.tokens,
  },
});
