import { badValue, ID, isId, isObject, type JsonReader } from '../json';
import { MAX_IDS, tooMuch } from '../limits';

/** The part of a tokenizer that turns one piece of text into ids. */
export interface Model {
  vocab: ReadonlyMap<string, number>;
  /** Appends the ids of a piece. A character that the model cannot express is dropped where the reference drops it. */
  encode(piece: string, ids: number[]): void;
  /** Cuts a piece where no token of the model can reach across, so that the parts may be encoded one by one; or null. */
  cut: ((piece: string) => string[]) | null;
  unknown: string | null;
}

/** @throws TokenizerError FILE */
export function readVocab(reader: JsonReader): Map<string, number> {
  const entries = reader.json.vocab;
  if (!isObject(entries)) throw badValue(`${reader.where}.vocab`, 'an object of tokens and their ids', entries);
  const vocab = new Map<string, number>();
  const list = Object.entries(entries);
  if (list.length > MAX_IDS) throw tooMuch(`${reader.where}.vocab`, `at most ${MAX_IDS} tokens`, `${list.length}`);
  for (const [token, id] of list) {
    if (!isId(id)) throw badValue(`${reader.where}.vocab[${JSON.stringify(token)}]`, ID, id);
    vocab.set(token, id);
  }
  return vocab;
}
