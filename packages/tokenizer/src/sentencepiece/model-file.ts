import { checkTokenLength, MAX_IDS, tooMuch } from '../limits';
import { broken, readFields } from './protobuf';

/** What a piece is: ModelProto.SentencePiece.Type of sentencepiece_model.proto. */
export const PIECE = { normal: 1, unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 } as const;

export interface Piece {
  text: string;
  score: number;
  type: number;
}

/** TrainerSpec.ModelType. */
export const MODEL_TYPES = ['', 'unigram', 'BPE', 'word', 'character'] as const;

/** What a SentencePiece model says, as far as it matters for ids. */
export interface ModelFile {
  pieces: Piece[];
  /** An index into {@link MODEL_TYPES}. */
  modelType: number;
  byteFallback: boolean;
  spaceEndsWord: boolean;
  /** Ids, -1 where there is none. */
  unk: number;
  bos: number;
  eos: number;
  pad: number;
  /** Rules by which characters are replaced; empty for none. */
  charsmap: Uint8Array;
  addsDummyPrefix: boolean;
  removesExtraSpaces: boolean;
  escapesSpaces: boolean;
  hasDenormalizer: boolean;
}

/** A model without a field has the default of the .proto file. */
const DEFAULTS: Omit<ModelFile, 'pieces'> = {
  modelType: 1,
  byteFallback: false,
  spaceEndsWord: false,
  unk: 0,
  bos: 1,
  eos: 2,
  pad: -1,
  charsmap: new Uint8Array(0),
  addsDummyPrefix: true,
  removesExtraSpaces: true,
  escapesSpaces: true,
  hasDenormalizer: false,
};

/**
 * Reads a `.model` file.
 * @throws TokenizerError FILE
 */
export function readModelFile(bytes: Uint8Array): ModelFile {
  const file: ModelFile = { ...DEFAULTS, pieces: [] };
  for (const { number, value } of readFields(bytes)) {
    if (!(value instanceof Uint8Array)) continue;
    if (number === 1) file.pieces.push(readPiece(value));
    else if (number === 2) readTrainer(value, file);
    else if (number === 3) readNormalizer(value, file);
    else if (number === 5) file.hasDenormalizer = [...readFields(value)].some((field) => field.number === 2 && isFilled(field.value));
  }
  if (file.pieces.length === 0) throw broken('no pieces');
  if (file.pieces.length > MAX_IDS) throw tooMuch('tokenizer.model', `at most ${MAX_IDS} pieces`, `${file.pieces.length}`);
  for (const { text } of file.pieces) checkTokenLength('tokenizer.model', text);
  return file;
}

const isFilled = (value: number | Uint8Array): boolean => value instanceof Uint8Array && value.length > 0;

function readPiece(bytes: Uint8Array): Piece {
  const piece: Piece = { text: '', score: 0, type: PIECE.normal };
  for (const { number, value } of readFields(bytes)) {
    if (number === 1 && value instanceof Uint8Array) piece.text = asText(value);
    else if (number === 2 && typeof value === 'number') piece.score = value;
    else if (number === 3 && typeof value === 'number') piece.type = value;
  }
  return piece;
}

function asText(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw broken('a piece that is no UTF-8');
  }
}

function readTrainer(bytes: Uint8Array, file: ModelFile): void {
  for (const { number, value } of readFields(bytes)) {
    if (typeof value !== 'number') continue;
    if (number === 3) file.modelType = value;
    else if (number === 24) file.spaceEndsWord = value !== 0;
    else if (number === 35) file.byteFallback = value !== 0;
    else if (number === 40) file.unk = value;
    else if (number === 41) file.bos = value;
    else if (number === 42) file.eos = value;
    else if (number === 43) file.pad = value;
  }
}

function readNormalizer(bytes: Uint8Array, file: ModelFile): void {
  for (const { number, value } of readFields(bytes)) {
    if (number === 2 && value instanceof Uint8Array) file.charsmap = value;
    else if (number === 3) file.addsDummyPrefix = value !== 0;
    else if (number === 4) file.removesExtraSpaces = value !== 0;
    else if (number === 5) file.escapesSpaces = value !== 0;
  }
}
