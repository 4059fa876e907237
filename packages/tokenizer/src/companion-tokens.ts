import type { AddedToken } from './encode/added-tokens';
import { shown } from './errors';
import { badValue, isId, isObject, JsonReader, parseJsonText } from './json';

/** What the files beside a tokenizer.json say of tokens. Every member is the text or the content of a file, or absent. */
export interface TokenFiles {
  config?: unknown;
  specialTokensMap?: unknown;
  addedTokens?: unknown;
}

/** Names of special tokens by role, such as `eos_token`; a name is a string or an object with its `content`. */
export type Naming = Readonly<Record<string, unknown>>;

/** A token to be added: without an id, which follows from the order, and with the id that its file claims. */
export interface ClaimedToken extends Omit<AddedToken, 'id'> {
  claimedId?: number;
}

export interface CompanionTokens {
  naming: Naming;
  /** Tokens in the order in which they are added. */
  listed: readonly ClaimedToken[];
  /** Tokens that have a role or are listed as special, and are added where nothing else did. */
  named: readonly ClaimedToken[];
  /** Contents of tokens with a role: these are special whatever their flags say. */
  roles: ReadonlySet<string>;
  config: Naming;
}

/** Roles in the order in which transformers adds their tokens: SPECIAL_TOKENS_ATTRIBUTES. */
const ROLES = ['bos_token', 'eos_token', 'unk_token', 'sep_token', 'pad_token', 'cls_token', 'mask_token'];

/**
 * The tokens of tokenizer_config.json, special_tokens_map.json and added_tokens.json, as `_from_pretrained` of transformers 5
 * reads them: where the config has an `added_tokens_decoder` the other two files, which are older, do not count; where it has
 * none, the map counts before the config.
 * @throws TokenizerError FILE
 */
export function readCompanionTokens(files: TokenFiles): CompanionTokens {
  const config = asNaming('tokenizer_config.json', files.config);
  const map = asNaming('special_tokens_map.json', files.specialTokensMap);
  const decoder = config.added_tokens_decoder;
  const isCurrent = decoder !== undefined && decoder !== null;
  const naming = isCurrent ? config : { ...config, ...map };
  const named = namedTokens(naming);
  const roles = new Set(named.filter(({ role }) => role).map(({ token }) => token.content));
  const extra = extraTokens(isCurrent ? config : { ...config, extra_special_tokens: map.extra_special_tokens ?? extrasOf(config) });
  const specials = new Set([...roles, ...extra.map(({ content }) => content)]);
  const listed = isCurrent ? readDecoder(decoder) : readAddedTokensFile(files.addedTokens, specials);
  return { naming, listed, named: [...named.map(({ token }) => token), ...extraTokens(naming)], roles, config };
}

/** A parsed companion file; absent is empty. */
function asNaming(where: string, file: unknown): Naming {
  if (file === undefined || file === null) return {};
  return JsonReader.of(where, typeof file === 'string' ? parseJsonText(where, file) : file).json;
}

/** `{ "4": { content, special, lstrip, … } }`, in the order of the ids. */
function readDecoder(decoder: unknown): ClaimedToken[] {
  const where = 'tokenizer_config.json.added_tokens_decoder';
  const entries = Object.entries(JsonReader.of(where, decoder).json).map(([key, value]): ClaimedToken => {
    const claimedId = /^\d+$/.test(key) ? Number(key) : Number.NaN;
    if (!isId(claimedId)) throw badValue(where, 'ids as keys', key);
    return { ...readToken(JsonReader.of(`${where}.${key}`, value)), claimedId };
  });
  return entries.sort((a, b) => (a.claimedId ?? 0) - (b.claimedId ?? 0));
}

/** `{ "<turn>": 4 }`. */
function readAddedTokensFile(file: unknown, specials: ReadonlySet<string>): ClaimedToken[] {
  const entries = Object.entries(asNaming('added_tokens.json', file)).map(([content, claimedId]): ClaimedToken => {
    if (!isId(claimedId)) throw badValue(`added_tokens.json[${shown(content)}]`, 'an id', claimedId);
    return { ...plainToken(content, specials.has(content)), claimedId };
  });
  return entries.sort((a, b) => (a.claimedId ?? 0) - (b.claimedId ?? 0));
}

/** A token with the flags of a file; what it leaves out is as in AddedToken of tokenizers. */
export function readToken(reader: JsonReader): ClaimedToken {
  const special = reader.boolean('special', false);
  return {
    content: reader.string('content'),
    singleWord: reader.boolean('single_word', false),
    lstrip: reader.boolean('lstrip', false),
    rstrip: reader.boolean('rstrip', false),
    normalized: reader.boolean('normalized', !special),
    special,
  };
}

const plainToken = (content: string, special: boolean): ClaimedToken => ({
  content,
  singleWord: false,
  lstrip: false,
  rstrip: false,
  normalized: !special,
  special,
});

interface Named {
  token: ClaimedToken;
  /** It has a role, rather than being listed as special. */
  role: string;
}

/** Tokens with a role: the usual ones, then a model's own such as `image_token`. */
function namedTokens(naming: Naming): Named[] {
  const own = Object.keys(naming).filter((key) => key.endsWith('_token') && !ROLES.includes(key));
  const extra = isObject(naming.extra_special_tokens) ? Object.entries(naming.extra_special_tokens) : [];
  const entries = [...[...ROLES, ...own].map((key): [string, unknown] => [key, naming[key]]), ...extra];
  return entries.flatMap(([role, value]) => {
    const token = tokenOf(role, value);
    return token ? [{ role, token: { ...token, special: true } }] : [];
  });
}

/** The content of a name, which is a string or an object; undefined where it is neither. */
export const contentOf = (value: unknown): string | undefined => {
  const content = isObject(value) ? value.content : value;
  return typeof content === 'string' ? content : undefined;
};

function tokenOf(role: string, value: unknown): ClaimedToken | undefined {
  if (isObject(value) && typeof value.content === 'string') return readToken(new JsonReader(role, value));
  return typeof value === 'string' ? plainToken(value, true) : undefined;
}

const extrasOf = (naming: Naming): unknown => naming.extra_special_tokens ?? naming.additional_special_tokens;

/** The list of further special tokens, under its name of today or before. */
function extraTokens(naming: Naming): ClaimedToken[] {
  const list = extrasOf(naming);
  return (Array.isArray(list) ? list : []).flatMap((value) => tokenOf('extra_special_tokens', value) ?? []);
}
