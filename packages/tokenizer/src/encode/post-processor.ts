import { badValue, isId, type JsonReader } from '../json';
import { flattenSteps, MAX_FRAME, tooMuch } from '../limits';

/** The ids around a text that is encoded with special tokens. */
export interface Frame {
  before: readonly number[];
  after: readonly number[];
}

const TYPES = ['TemplateProcessing', 'ByteLevel', 'BertProcessing', 'RobertaProcessing'] as const;

/** @throws TokenizerError FILE, CONFIG for a type that is not listed here */
export function readFrame(reader: JsonReader | null): Frame {
  let frame: Frame = { before: [], after: [] };
  for (const outer of flattenSteps(reader, 'processors').map(readOne)) {
    frame = { before: [...outer.before, ...frame.before], after: [...frame.after, ...outer.after] };
    if (frame.before.length + frame.after.length > MAX_FRAME)
      throw tooMuch(reader?.where ?? '', `at most ${MAX_FRAME} special tokens around a text`, 'more');
  }
  return frame;
}

function readOne(reader: JsonReader): Frame {
  switch (reader.oneOf('type', TYPES)) {
    case 'TemplateProcessing':
      return readTemplate(reader);
    case 'BertProcessing':
    case 'RobertaProcessing':
      return { before: [pairId(reader, 'cls')], after: [pairId(reader, 'sep')] };
    case 'ByteLevel': // moves offsets, which nobody asks for here
      return { before: [], after: [] };
  }
}

/** `["</s>", 2]`: a token and its id. */
function pairId(reader: JsonReader, key: string): number {
  const [, id] = reader.list(key);
  if (isId(id)) return id;
  throw badValue(`${reader.where}.${key}`, 'a token and its id', reader.json[key]);
}

function readTemplate(reader: JsonReader): Frame {
  const parts = reader.objects('single');
  const isText = (part: JsonReader): boolean => part.has('Sequence');
  const text = parts.findIndex(isText);
  if (text < 0 || parts.filter(isText).length > 1) throw reader.unsupported('single', 'a template with the text once');
  if (parts.length > MAX_FRAME) throw tooMuch(reader.where, `at most ${MAX_FRAME} special tokens around a text`, `${parts.length}`);
  const ids = (part: JsonReader): number[] => templateIds(reader.object('special_tokens'), part.object('SpecialToken').string('id'));
  return { before: parts.slice(0, text).flatMap(ids), after: parts.slice(text + 1).flatMap(ids) };
}

function templateIds(specials: JsonReader, name: string): number[] {
  const ids = specials.object(name).list('ids');
  if (ids.length > MAX_FRAME) throw tooMuch(`${specials.where}.${name}`, `at most ${MAX_FRAME} ids`, `${ids.length}`);
  if (ids.every(isId)) return [...ids];
  throw badValue(`${specials.where}.${name}.ids`, 'a list of ids', ids);
}
