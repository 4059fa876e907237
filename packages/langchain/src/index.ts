export { ChatDenseSSM, type ChatDenseSSMCallOptions, type ChatDenseSSMFields } from './chat-model';
export { DenseSSM, type DenseSSMCallOptions, type DenseSSMFields } from './llm';
export type { DenseSSMModel, DenseSSMSampling } from './model';
