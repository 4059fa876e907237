import type { OpenFile } from '@densessm/checkpoint';
import { MAX_TEXT_BYTES } from '@densessm/checkpoint/internal';
import { SsmError } from '@densessm/ssm-core';
import { KeptPieces, type Version } from './kept-pieces';
import { bodyOf, changed, type RequestSettings, request, tooLarge } from './request';

/** Bytes of one request. */
export const PIECE_BYTES: number = 2 ** 23;
/** A file that comes whole lies in memory, of which a page has no more. */
const MAX_WHOLE_BYTES = 2 ** 32;
const TEXTS = /\.(json|txt|jinja|md)$/;
/** Pieces in memory: readers go through a file in small steps, which may cross from one piece to the next. */
const RECENT = 2;

export interface RemoteSettings extends RequestSettings {
  /** Whether pieces are kept for the next visit. */
  readonly isKept: boolean;
  /** The model and the file's name in it, for the list of what is kept. */
  readonly source: string;
  readonly name: string;
  /** Hears a sentence for people where there is no room, or what was kept is damaged. */
  readonly onNotice?: (message: string) => void;
  readonly onBytes: (loaded: number, total: number) => void;
}

/**
 * A file on a server, read in pieces as they are needed where the server gives ranges, else downloaded whole. What an earlier visit left is
 * taken where the server still has the same file, or cannot be asked.
 * @returns undefined where there is no such file
 * @throws SsmError NETWORK; the signal's reason once it is aborted
 */
export async function openRemoteFile(url: string, settings: RemoteSettings): Promise<OpenFile | undefined> {
  const kept = await KeptPieces.of({ url, source: settings.source, name: settings.name }, settings);
  const known = kept.version;
  let answer: Response | undefined;
  try {
    answer = await request(url, settings, [0, known ? 0 : PIECE_BYTES - 1]);
  } catch (error) {
    settings.signal?.throwIfAborted();
    if (known && error instanceof SsmError) return new RemoteFile(url, known, kept, settings);
    throw error;
  }
  if (!answer) return undefined;
  if (known?.mark !== markOf(answer)) return download(url, answer, kept, settings);
  await answer.body?.cancel();
  return new RemoteFile(url, known, kept, settings);
}

/** Begins anew: with the first piece, or with all there is where the server gives no ranges. */
async function download(url: string, first: Response, kept: KeptPieces, settings: RemoteSettings): Promise<OpenFile | undefined> {
  const size = totalOf(first);
  await refuseTooLarge(url, first);
  if (first.status === 206 && size !== undefined) {
    const version = { size, mark: markOf(first) };
    const hasPiece = kept.version === undefined;
    await kept.begin(version);
    await kept.remember(); // pieces that have not come yet can be asked for
    const file = new RemoteFile(url, version, kept, settings);
    if (hasPiece) await file.take(0, first);
    else await first.body?.cancel();
    return file;
  }
  if (first.status === 206) await first.body?.cancel(); // it does not let this page see how long the file is
  const answer = first.status === 206 ? await request(url, settings) : first;
  if (answer === undefined) return undefined;
  const most = await refuseTooLarge(url, answer);
  const total = totalOf(answer) ?? 0; // of what is sent: less than the file where it is compressed
  let loaded = 0;
  const whole = await bodyOf(answer, url, { expected: total, most }, settings, (count) => {
    loaded += count;
    settings.onBytes(loaded, Math.max(loaded, total));
  });
  const version = { size: whole.size, mark: markOf(answer) };
  await kept.begin(version);
  const pieces = Math.ceil(whole.size / PIECE_BYTES);
  for (let piece = 0; piece < pieces; piece++) await kept.put(piece, whole.slice(piece * PIECE_BYTES, (piece + 1) * PIECE_BYTES));
  await kept.remember();
  return new RemoteFile(url, version, kept, { ...settings, onBytes: () => undefined });
}

class RemoteFile implements OpenFile {
  readonly size: number;
  readonly #url: string;
  readonly #mark: string;
  readonly #kept: KeptPieces;
  readonly #settings: RemoteSettings;
  readonly #recent = new Map<number, Promise<Uint8Array>>();
  /** How much of each piece has come. */
  readonly #come = new Map<number, number>();

  constructor(url: string, { size, mark }: Version, kept: KeptPieces, settings: RemoteSettings) {
    this.#url = url;
    this.size = size;
    this.#mark = mark;
    this.#kept = kept;
    this.#settings = settings;
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length; ) {
      const piece = Math.floor((offset + at) / PIECE_BYTES);
      const start = offset + at - piece * PIECE_BYTES;
      const part = (await this.#piece(piece)).subarray(start, start + length - at);
      bytes.set(part, at);
      at += part.length;
    }
    return bytes;
  }

  async close(): Promise<void> {
    this.#recent.clear();
    this.#kept.close();
  }

  /** Takes a piece that a server sends. @throws SsmError NETWORK where it is another than was asked for */
  async take(piece: number, answer: Response): Promise<Blob> {
    const range = answer.headers.get('content-range') ?? '';
    if (!range.startsWith(`bytes ${piece * PIECE_BYTES}-`) || markOf(answer) !== this.#mark) {
      await answer.body?.cancel();
      throw changed(this.#url);
    }
    this.#come.set(piece, 0);
    const length = this.#lengthOf(piece);
    const bytes = await bodyOf(answer, this.#url, { expected: length, most: length }, this.#settings, (count) =>
      this.#report(piece, count),
    );
    await this.#kept.put(piece, bytes);
    return bytes;
  }

  #piece(piece: number): Promise<Uint8Array> {
    const bytes = this.#recent.get(piece) ?? this.#load(piece);
    this.#recent.delete(piece);
    this.#recent.set(piece, bytes); // the latest comes last
    bytes.catch(() => this.#recent.delete(piece));
    for (const old of [...this.#recent.keys()].slice(0, -RECENT)) this.#recent.delete(old);
    return bytes;
  }

  async #load(piece: number): Promise<Uint8Array> {
    const length = this.#lengthOf(piece);
    let bytes = await this.#kept.get(piece);
    if (bytes?.size === length) {
      if (!this.#come.has(piece)) this.#report(piece, length);
    } else {
      const from = piece * PIECE_BYTES;
      const answer = await request(this.#url, this.#settings, [from, from + length - 1]);
      if (answer === undefined) throw changed(this.#url);
      bytes = await this.take(piece, answer);
    }
    return new Uint8Array(await bytes.arrayBuffer());
  }

  #lengthOf(piece: number): number {
    return Math.min(PIECE_BYTES, this.size - piece * PIECE_BYTES);
  }

  #report(piece: number, count: number): void {
    this.#come.set(piece, (this.#come.get(piece) ?? 0) + count);
    const loaded = [...this.#come.values()].reduce((sum, bytes) => sum + bytes, 0);
    this.#settings.onBytes(loaded, this.size);
  }
}

/** The most bytes that a file may have, checked before they come. */
async function refuseTooLarge(url: string, answer: Response): Promise<number> {
  const most = TEXTS.test(url) ? MAX_TEXT_BYTES : answer.status === 206 ? Number.MAX_SAFE_INTEGER : MAX_WHOLE_BYTES;
  const total = totalOf(answer) ?? 0;
  if (total <= most) return most;
  await answer.body?.cancel();
  throw tooLarge(url, most, String(total));
}

/** The bytes of the whole file, or of what is sent; undefined where the server does not let this page see it. */
function totalOf({ status, headers }: Response): number | undefined {
  const text = status === 206 ? headers.get('content-range')?.split('/')[1] : headers.get('content-length');
  return text && /^\d+$/.test(text) ? Number(text) : undefined;
}

/** Tells one version of a file from another. */
const markOf = (answer: Response): string =>
  [totalOf(answer), answer.headers.get('etag'), answer.headers.get('last-modified')].map((value) => value ?? '').join(' ');
