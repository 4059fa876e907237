import { readCompanionTokens } from '../companion-tokens';
import { shown, TokenizerError } from '../errors';
import { buildTokenizer, type CompanionFiles } from '../from-json';
import { MAX_MERGE_WORK, tooMuch } from '../limits';
import type { Tokenizer } from '../tokenizer';
import { MODEL_TYPES, type ModelFile, PIECE, type Piece, readModelFile } from './model-file';

export interface SentencePieceOptions extends CompanionFiles {
  /** Begins (ends) an encoded text with the model's own token, as LLaMA (T5) does. Default true (false). */
  addBos?: boolean;
  addEos?: boolean;
}

/**
 * Reads a SentencePiece `.model` file (Kudo and Richardson 2018, arXiv:1808.06226) of type BPE or unigram. It is turned
 * into the content of a tokenizer.json (see `toJSON`): alone in the way in which LLaMA's was made, and has its ids; with
 * companion files in the way in which transformers 5 builds it. The two differ in a space before a special token, which
 * LLaMA's file counts to the token.
 * @throws TokenizerError FILE where the file is broken, CONFIG where it asks for what is not supported
 */
export function tokenizerFromSentencePiece(bytes: Uint8Array, options: SentencePieceOptions = {}): Tokenizer {
  if (!(bytes instanceof Uint8Array)) throw notBytes(bytes);
  const file = readModelFile(bytes);
  refuseUnsupported(file);
  const { addBos = true, addEos = false, ...companions } = options;
  const names = { bos_token: nameOf(file, file.bos), eos_token: nameOf(file, file.eos), pad_token: nameOf(file, file.pad) };
  renamePlaceholders(file, companions);
  const isAlone = !(companions.config || companions.specialTokensMap || companions.addedTokens);
  return buildTokenizer(tokenizerJson(file, addBos, addEos, isAlone), companions, names);
}

/** An added token at the id of another piece takes its place, as in transformers: so models give unused pieces a meaning. */
function renamePlaceholders(file: ModelFile, companions: CompanionFiles): void {
  const names = new Set(file.pieces.map(({ text }) => text));
  for (const { content, claimedId } of readCompanionTokens(companions).listed) {
    const piece = file.pieces[claimedId ?? -1];
    if (!piece || names.has(content)) continue;
    names.delete(piece.text);
    names.add(content);
    piece.text = content;
  }
}

function notBytes(got: unknown): TokenizerError {
  const fix = 'read the file as bytes, not as text';
  const what = 'tokenizerFromSentencePiece: the model is not given as bytes.';
  return new TokenizerError({ code: 'OPTION', what, expected: 'a Uint8Array', got: shown(got), fix });
}

function refuseUnsupported(file: ModelFile): void {
  const type = MODEL_TYPES[file.modelType];
  const reasons: [boolean, string, string][] = [
    [type !== 'BPE' && type !== 'unigram', 'a model of type BPE or unigram', type ?? `type ${file.modelType}`],
    [file.spaceEndsWord, 'spaces that begin words', 'treat_whitespace_as_suffix'],
    [!file.escapesSpaces, 'spaces written as ▁', 'escape_whitespaces: false'],
    [file.hasDenormalizer, 'no rules for decoding', 'a denormalizer_spec'],
    [file.pieces.some(({ type: one }) => one === PIECE.unused), 'no unused pieces', 'pieces of type UNUSED'],
    [!file.pieces[file.unk], 'a piece for what is unknown', `unk_id ${file.unk}`],
  ];
  for (const [isReason, expected, got] of reasons) {
    if (!isReason) continue;
    const fix = 'use the tokenizer.json of the same model, or ask for this one in an issue';
    throw new TokenizerError({
      code: 'CONFIG',
      what: 'tokenizer.model: the model asks for something that is not supported.',
      expected,
      got,
      fix,
    });
  }
}

const nameOf = (file: ModelFile, id: number): string | null => file.pieces[id]?.text ?? null;

function tokenizerJson(file: ModelFile, addBos: boolean, addEos: boolean, isAlone: boolean): Record<string, unknown> {
  const clean = cleaning(file);
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: addedTokens(file.pieces),
    normalizer: sequence(isAlone ? [...clean, ...markedSpaces(file)] : clean),
    pre_tokenizer: isAlone ? null : metaspace(file),
    post_processor: template(file, addBos && file.bos >= 0, addEos && file.eos >= 0),
    decoder: decoder(file),
    model: MODEL_TYPES[file.modelType] === 'BPE' ? bpe(file) : unigram(file),
  };
}

/** Control tokens are looked for in the text, as LLaMA's tokenizer.json does; SentencePiece itself never reads them there. */
function addedTokens(pieces: readonly Piece[]): unknown[] {
  const isAdded = ({ type }: Piece): boolean => type === PIECE.control || type === PIECE.unknown || type === PIECE.userDefined;
  return pieces.flatMap((piece, id) => {
    const special = piece.type !== PIECE.userDefined;
    const flags = { single_word: false, lstrip: false, rstrip: false, normalized: special, special };
    return isAdded(piece) ? [{ id, content: piece.text, ...flags }] : [];
  });
}

const replace = (pattern: unknown, content: string): unknown => ({ type: 'Replace', pattern, content });

const sequence = (normalizers: unknown[]): unknown => (normalizers.length > 0 ? { type: 'Sequence', normalizers } : null);

function cleaning(file: ModelFile): unknown[] {
  const steps: unknown[] = [];
  if (file.charsmap.length > 0) steps.push({ type: 'Precompiled', precompiled_charsmap: base64(file.charsmap), longest_match: true });
  if (file.removesExtraSpaces) steps.push(replace({ Regex: '\\A +|(?<![ ▁])[ ▁]+\\z' }, ''), replace({ Regex: ' {2,}' }, ' '));
  return steps;
}

/** Spaces become ▁, and the text begins with one. Special tokens are looked for afterwards, in the same form: `▁<unk>`. */
const markedSpaces = ({ addsDummyPrefix }: ModelFile): unknown[] => [
  ...(addsDummyPrefix ? [{ type: 'Prepend', prepend: '▁' }] : []),
  replace({ String: ' ' }, '▁'),
];

/**
 * Spaces become ▁, and the beginning of the text gets one, but not what follows an added token: as in SentencePiece, which gives
 * it to a text that begins with a space, too. Hugging Face's libraries pass over our mark `always_prepends` and give it none.
 */
const metaspace = ({ addsDummyPrefix }: ModelFile): unknown => {
  const common = { type: 'Metaspace', replacement: '▁', prepend_scheme: addsDummyPrefix ? 'first' : 'never', split: false };
  return addsDummyPrefix ? { ...common, always_prepends: true } : common;
};

function base64(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += 4096) text += String.fromCharCode(...bytes.subarray(at, at + 4096));
  return btoa(text);
}

function decoder({ addsDummyPrefix }: ModelFile): unknown {
  const steps: unknown[] = [{ type: 'Replace', pattern: { String: '▁' }, content: ' ' }, { type: 'ByteFallback' }, { type: 'Fuse' }];
  if (addsDummyPrefix) steps.push({ type: 'Strip', content: ' ', start: 1, stop: 0 });
  return { type: 'Sequence', decoders: steps };
}

function template(file: ModelFile, addBos: boolean, addEos: boolean): unknown {
  const ids = [addBos ? file.bos : -1, addEos ? file.eos : -1].filter((id) => file.pieces[id]);
  if (ids.length === 0) return null;
  const special = (id: number, type: number) => ({ SpecialToken: { id: nameOf(file, id), type_id: type } });
  const around = (name: string, type: number): unknown[] => [
    ...(addBos ? [special(file.bos, type)] : []),
    { Sequence: { id: name, type_id: type } },
    ...(addEos ? [special(file.eos, type)] : []),
  ];
  const named = ids.map((id) => [nameOf(file, id), { id: nameOf(file, id), ids: [id], tokens: [nameOf(file, id)] }]);
  const single = around('A', 0);
  return { type: 'TemplateProcessing', single, pair: [...single, ...around('B', 1)], special_tokens: Object.fromEntries(named) };
}

function unigram(file: ModelFile): unknown {
  const vocab = file.pieces.map(({ text, score }) => [text, score]);
  return { type: 'Unigram', unk_id: file.unk, vocab, byte_fallback: file.byteFallback };
}

function bpe(file: ModelFile): unknown {
  const vocab = new Map(file.pieces.map(({ text }, id) => [text, id]));
  if (vocab.size < file.pieces.length) {
    const got = shown(file.pieces.find(({ text }, id) => vocab.get(text) !== id)?.text);
    const fix = 'get the file again, or correct it there';
    throw new TokenizerError({ code: 'FILE', what: 'tokenizer.model: a piece occurs twice.', expected: 'different pieces', got, fix });
  }
  return {
    type: 'BPE',
    dropout: null,
    unk_token: nameOf(file, file.unk),
    continuing_subword_prefix: null,
    end_of_word_suffix: null,
    fuse_unk: true,
    byte_fallback: file.byteFallback,
    ignore_merges: false,
    vocab: Object.fromEntries(vocab),
    merges: merges(file.pieces, vocab),
  };
}

/**
 * The merges that a SentencePiece BPE does not write down: every way to make a piece out of two others, the piece with
 * the greater score first; the ways to make one piece in the order of their ids.
 */
function merges(pieces: readonly Piece[], vocab: ReadonlyMap<string, number>): [string, string][] {
  const partId = (text: string): number => {
    const id = vocab.get(text) ?? -1;
    return pieces[id]?.type === PIECE.normal ? id : -1;
  };
  const work = pieces.reduce((sum, { text }) => sum + text.length ** 2, 0);
  if (work > MAX_MERGE_WORK) throw tooMuch('tokenizer.model', 'shorter pieces', `${pieces.length} pieces of which many are long`);
  const ways: { score: number; left: number; right: number }[] = [];
  for (const { text, score, type } of pieces) {
    if (type !== PIECE.normal) continue;
    for (let at = 1; at < text.length; at++) {
      const left = partId(text.slice(0, at));
      const right = left < 0 ? -1 : partId(text.slice(at));
      if (right >= 0) ways.push({ score, left, right });
    }
  }
  ways.sort((a, b) => b.score - a.score || a.left - b.left || a.right - b.right);
  return ways.map(({ left, right }) => [pieces[left]?.text ?? '', pieces[right]?.text ?? '']);
}
