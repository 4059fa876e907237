import { parseChatJson } from '@densessm/tokenizer';
import { ApiError, badField } from './errors';

/** A JSON object of a client, none of whose fields is trusted; null counts as absent, as in the API. */
export type Body = Readonly<Record<string, unknown>>;

export const isObject = (value: unknown): value is Body => typeof value === 'object' && value !== null && !Array.isArray(value);

/** A field's own value; keys of Object's prototype are none. */
export const given = (body: Body, name: string): unknown => (Object.hasOwn(body, name) ? (body[name] ?? undefined) : undefined);

interface Range {
  readonly min?: number;
  readonly max?: number;
  readonly isInteger?: boolean;
}

/** @throws ApiError 400 */
export function numberIn(body: Body, name: string, { min = -Infinity, max = Infinity, isInteger = false }: Range): number | undefined {
  const value = given(body, name);
  if (value === undefined) return undefined;
  const fits = typeof value === 'number' && Number.isFinite(value) && value >= min && value <= max;
  if (fits && (!isInteger || Number.isInteger(value))) return value;
  const range = `${min > -Infinity ? ` from ${min}` : ''}${max < Infinity ? ` to ${max}` : ''}`;
  throw badField(name, `${isInteger ? 'an integer' : 'a number'}${range}`);
}

/** @throws ApiError 400 */
export function flagIn(body: Body, name: string): boolean {
  const value = given(body, name) ?? false;
  if (typeof value === 'boolean') return value;
  throw badField(name, 'true or false');
}

/** @throws ApiError 400 */
export function textIn(body: Body, name: string): string | undefined {
  const value = given(body, name);
  if (value === undefined || typeof value === 'string') return value;
  throw badField(name, 'a string');
}

/** @throws ApiError 400 */
export function objectIn(body: Body, name: string): Body | undefined {
  const value = given(body, name);
  if (value === undefined || isObject(value)) return value;
  throw badField(name, 'an object');
}

/** @throws ApiError 400 */
export function listIn(body: Body, name: string): readonly unknown[] | undefined {
  const value = given(body, name);
  if (value === undefined || Array.isArray(value)) return value;
  throw badField(name, 'a list');
}

export const isIds = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((id) => Number.isSafeInteger(id) && id >= 0 && id < 2 ** 31);

/**
 * The JSON object of a request. Its bytes are counted as they come, so that a body without a length has the same bound.
 * @throws ApiError 400, 413, 415
 */
export async function readBody(request: Request, maxBytes: number): Promise<Body> {
  const type = request.headers.get('content-type') ?? '';
  // a page of another origin can send text/plain without asking first; JSON it cannot
  if (!/^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i.test(type)) throw new ApiError(415, 'The content-type must be application/json.');
  const bytes = await readBytes(request, maxBytes);
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    const json: unknown = JSON.parse(text);
    if (isObject(json)) return { ...json, ...forTemplates(json, text) };
  } catch {
    // told below
  }
  throw new ApiError(400, 'The body must be a JSON object.');
}

/** What a chat template prints: there 1.0 is not 1, as little as in Python. */
const FOR_TEMPLATES = ['messages', 'tools', 'input'];

function forTemplates(json: Body, text: string): Body {
  const names = FOR_TEMPLATES.filter((name) => typeof json[name] === 'object');
  if (names.length === 0) return {};
  const exact = parseChatJson(text) as Body;
  return Object.fromEntries(names.map((name) => [name, exact[name]]));
}

async function readBytes(request: Request, maxBytes: number): Promise<Uint8Array> {
  const tooLarge = new ApiError(413, `The body must have at most ${maxBytes} bytes.`);
  if (Number(request.headers.get('content-length') ?? 0) > maxBytes) throw tooLarge;
  const chunks: Uint8Array[] = [];
  let length = 0;
  const reader = request.body?.getReader();
  for (;;) {
    const next = await reader?.read();
    if (!next || next.done) break;
    length += next.value.length;
    if (length > maxBytes) {
      await reader?.cancel();
      throw tooLarge;
    }
    chunks.push(next.value);
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}
