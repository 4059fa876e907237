export { type ChatPrompt, type ChatPromptOptions, chatPrompt, messageEnds } from './chat-prompt';
export type { ChatMessage, ChatOptions } from './chat-template';
export { TokenizerError, type TokenizerErrorCode } from './errors';
export { type CompanionFiles, tokenizerFromJson } from './from-json';
export { loadTokenizer, type ModelFiles, type ReadFile } from './load';
export { type SentencePieceOptions, tokenizerFromSentencePiece } from './sentencepiece/from-model';
export { type ByteTokenizerOptions, byteTokenizer, type CharacterTokenizerOptions, characterTokenizer } from './small';
export type { DecodeOptions, DecodeStream, DecodeStreamOptions, EncodeOptions, SpecialIds, Tokenizer } from './tokenizer';
export { type TrainingOptions, type TrainingProgress, trainByteLevelBpe } from './train/train-bpe';
