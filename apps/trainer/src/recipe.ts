/** What a run is made of beside files and flags, for whoever makes the same run elsewhere: a page, say. Nothing here needs Node. */
export { DOCUMENT_BORDER, plainTextPieces } from './data/reading/plain-text';
export { splitEnd } from './data/split';
export { HELD_OUT_SHARE, storyCorpus } from './data/stories/corpus';
export { cutBetweenWords } from './data/tokens/cut-words';
export { type Encoder, encoderOf } from './data/tokens/encoder';
export { configJson, type ModelSettings } from './model/config-json';
export { promptFrom } from './run/sample';
