/** Weights in several files, with an index of which tensor lies where: `model.safetensors.index.json` of Hugging Face. */
import { SsmError } from '@densessm/ssm-core';
import { isObject } from '@densessm/ssm-core/plain';
import type { Dtype } from '../dtypes';
import { bytesOf } from '../header';
import { shorten } from '../json';
import { entryOf, type TensorSource } from '../safetensors';

/** A source that gives parts. */
export type PartSource = Required<TensorSource>;
type Shapes = TensorSource['tensors'];

/** Tensors of several files, and the names that their index has but no shard. */
export interface Shards {
  readonly source: PartSource;
  readonly absent: readonly string[];
}

/**
 * The tensors of several files as one source. Every shard's header is read and compared with the index, no tensor is.
 * @param open opens the shard with a name from the index
 * @throws SsmError FILE where the index is broken, a shard is named by a path, or a shard holds a tensor that the index has elsewhere or not at all
 */
export async function openShards(where: string, index: unknown, open: (name: string) => Promise<PartSource>): Promise<Shards> {
  const places = weightMap(where, index);
  const shards = new Map<string, PartSource>();
  for (const file of new Set(places.values())) shards.set(file, await open(file));
  const tensors = new Map<string, { dtype: Dtype; shape: readonly number[] }>();
  const absent: string[] = [];
  for (const [name, file] of places) {
    const entry = shards.get(file)?.tensors.get(name);
    if (entry) tensors.set(name, entry);
    else absent.push(name);
  }
  for (const [file, shard] of shards) {
    const stray = [...shard.tensors.keys()].find((name) => places.get(name) !== file);
    if (stray !== undefined) {
      const expected = places.has(stray) ? `it in ${shorten(places.get(stray) ?? '')} alone` : 'every tensor in the index';
      throw indexError(where, `${title(stray)} lies in a shard where the index does not have it.`, expected, `it in ${shorten(file)}`);
    }
  }
  const shardOf = (name: string): PartSource => shards.get(entryOf(where, places, name)) as PartSource;
  const source: PartSource = {
    tensors,
    read: (name) => shardOf(name).read(name),
    readPart: (name, first, count) => shardOf(name).readPart(name, first, count),
  };
  return { source, absent };
}

function weightMap(where: string, index: unknown): Map<string, string> {
  const map = isObject(index) ? index.weight_map : undefined;
  if (!isObject(map)) throw indexError(where, 'the index has no `weight_map`.', 'an object of names and files', typeof map);
  const places = new Map<string, string>();
  for (const [name, file] of Object.entries(map)) {
    // A shard lies beside its index. Anything that looks like a path could point elsewhere.
    if (typeof file !== 'string' || !/^[\w-][\w.-]{0,200}$/.test(file))
      throw indexError(
        where,
        `the shard of ${title(name)} is no plain file name.`,
        'letters, digits, dots, dashes',
        JSON.stringify(file) ?? '',
      );
    places.set(name, file);
  }
  return places;
}

/** Which tensors go in which file. */
export interface ShardPlan {
  /** Files by name, in order. */
  readonly files: ReadonlyMap<string, Shapes>;
  /** The content of the index; undefined where one file holds everything. */
  readonly index?: { readonly metadata: { readonly total_size: number }; readonly weight_map: Readonly<Record<string, string>> };
}

/**
 * Cuts tensors into files of at most `maxBytes` each, in order and never inside a tensor, named as transformers does.
 * @throws SsmError OPTION where `maxBytes` is no integer above zero
 */
export function planShards(tensors: Shapes, maxBytes: number): ShardPlan {
  if (!Number.isSafeInteger(maxBytes) || maxBytes < 1)
    throw new SsmError({
      code: 'OPTION',
      what: 'maxShardBytes cannot be used.',
      expected: 'a whole number of bytes above zero',
      got: String(maxBytes),
      fix: 'leave it out, or say 5e9',
    });
  const groups: Map<string, { dtype: Dtype; shape: readonly number[] }>[] = [new Map()];
  let [filled, total] = [0, 0];
  for (const [name, entry] of tensors) {
    const bytes = bytesOf(entry.shape, entry.dtype) ?? 0;
    if (filled > 0 && filled + bytes > maxBytes) {
      groups.push(new Map());
      filled = 0;
    }
    groups.at(-1)?.set(name, entry);
    filled += bytes;
    total += bytes;
  }
  if (groups.length === 1) return { files: new Map([['model.safetensors', tensors]]) };
  const digits = (number: number): string => String(number).padStart(5, '0');
  const files = new Map(groups.map((group, i) => [`model-${digits(i + 1)}-of-${digits(groups.length)}.safetensors`, group]));
  const places = [...files].flatMap(([file, group]) => [...group.keys()].map((name) => [name, file] as const));
  return { files, index: { metadata: { total_size: total }, weight_map: Object.fromEntries(places.sort(([a], [b]) => (a < b ? -1 : 1))) } };
}

const title = (name: string): string => shorten(JSON.stringify(name));

function indexError(where: string, what: string, expected: string, got: string): SsmError {
  const fix = 'get the index and all of its shards again, from one place';
  return new SsmError({ code: 'FILE', what: `${where}: ${what}`, expected, got: shorten(got), fix });
}
