/**
 * The few Python objects of a state dict, rebuilt by hand: torch/_utils.py (`_rebuild_tensor_v2`, `_rebuild_parameter`)
 * and torch/serialization.py (`persistent_load`). Nothing of what a pickle names is looked up or called.
 */
import { BYTES_PER_ELEMENT, type Dtype } from '../dtypes';
import { describeValue, PickleDict, PickleGlobal, PickleList, type PickleValue, refused, TorchStorage, TorchTensor } from './values';

const STORAGES: ReadonlyMap<string, Dtype> = new Map([
  ['torch.FloatStorage', 'F32'],
  ['torch.HalfStorage', 'F16'],
  ['torch.BFloat16Storage', 'BF16'],
  ['torch.DoubleStorage', 'F64'],
  ['torch.LongStorage', 'I64'],
  ['torch.IntStorage', 'I32'],
  ['torch.ShortStorage', 'I16'],
  ['torch.CharStorage', 'I8'],
  ['torch.ByteStorage', 'U8'],
  ['torch.BoolStorage', 'BOOL'],
]);

/** What a rebuilt object needs of the reader: a name for errors, and a count of what containers take in, which throws where it is too much. */
export interface Rebuilder {
  readonly where: string;
  countEntries(count: number): void;
}
type Rebuild = (reader: Rebuilder, args: readonly PickleValue[]) => PickleValue;

const CALLABLE: ReadonlyMap<string, Rebuild> = new Map<string, Rebuild>([
  ['collections.OrderedDict', rebuildDict],
  ['torch._utils._rebuild_tensor_v2', rebuildTensor],
  ['torch._utils._rebuild_parameter', rebuildParameter],
]);

/** @throws SsmError FILE for every name outside the closed list */
export function globalOf(where: string, module: string, name: string): PickleGlobal {
  const full = `${module}.${name}`;
  if (CALLABLE.has(full) || STORAGES.has(full)) return new PickleGlobal(full);
  const expected = `${[...CALLABLE.keys()].join(', ')} or a typed storage of torch`;
  throw refused(where, `the pickle asks for \`${full.slice(0, 100)}\`; nothing was run.`, expected, full);
}

/** REDUCE: what Python would do by calling. */
export function reduce(reader: Rebuilder, callee: PickleValue, args: PickleValue): PickleValue {
  const rebuild = callee instanceof PickleGlobal ? CALLABLE.get(callee.name) : undefined;
  if (rebuild && Array.isArray(args)) return rebuild(reader, args);
  const got = `${describeValue(callee)} with ${describeValue(args)}`;
  throw refused(reader.where, 'the pickle calls something that cannot be called; nothing was run.', [...CALLABLE.keys()].join(', '), got);
}

/** BUILD: a state dict's `_metadata`, which holds versions of modules and no weights, is an attribute. Left out. */
export function build(where: string, object: PickleValue, state: PickleValue): void {
  if (object instanceof PickleDict && state instanceof PickleDict) return;
  const got = `${describeValue(state)} on ${describeValue(object)}`;
  throw refused(where, 'the pickle sets the state of an object; nothing was run.', 'attributes of an OrderedDict', got);
}

/** BINPERSID: `('storage', class, key, location, length)`. Where it lay (a GPU, say) does not matter. */
export function storageOf(where: string, id: PickleValue): TorchStorage {
  const [kind, type, key, , length] = Array.isArray(id) ? (id as readonly PickleValue[]) : [];
  const dtype = type instanceof PickleGlobal ? STORAGES.get(type.name) : undefined;
  if (kind === 'storage' && dtype !== undefined && typeof key === 'string' && isSize(length)) return new TorchStorage(key, dtype, length);
  throw refused(
    where,
    'the pickle refers to something else than a storage.',
    "('storage', class, key, location, length)",
    describeValue(id),
  );
}

function rebuildDict(reader: Rebuilder, [pairs, ...more]: readonly PickleValue[]): PickleValue {
  const { where } = reader;
  const dict = new PickleDict();
  if (pairs === undefined) return dict;
  const items = pairs instanceof PickleList ? pairs.items : Array.isArray(pairs) ? (pairs as readonly PickleValue[]) : undefined;
  reader.countEntries(items?.length ?? 0);
  for (const pair of items ?? []) {
    const [key, value, ...rest] = pair instanceof PickleList ? pair.items : Array.isArray(pair) ? (pair as readonly PickleValue[]) : [];
    if (typeof key !== 'string' || value === undefined || rest.length) throw badArguments(where, 'OrderedDict', pair);
    dict.entries.set(key, value);
  }
  if (items === undefined || more.length) throw badArguments(where, 'OrderedDict', pairs);
  return dict;
}

/** `(storage, offset, size, stride, requires_grad, backward_hooks[, metadata])` */
function rebuildTensor({ where }: Rebuilder, args: readonly PickleValue[]): PickleValue {
  const [storage, offset, shape, strides] = args;
  if (!(storage instanceof TorchStorage) || !isSize(offset) || !isSizes(shape) || !isSizes(strides) || shape.length !== strides.length)
    throw badArguments(where, '_rebuild_tensor_v2', args);
  const size = shape.reduce((product, length) => product * length, 1);
  const last = shape.reduce((sum, length, axis) => sum + (length - 1) * (strides[axis] as number), offset);
  // An expanded tensor repeats its storage without holding it: a small file could ask for any amount of memory.
  if (size > 0 && !(last < storage.length && size <= storage.length)) {
    const expected = `elements of a storage of ${storage.length} ${storage.dtype} (${BYTES_PER_ELEMENT[storage.dtype]} bytes each)`;
    const got = `[${shape.slice(0, 8)}] with strides [${strides.slice(0, 8)}] from ${offset}`;
    throw refused(where, 'a tensor reaches beyond its storage.', expected, got);
  }
  return new TorchTensor(storage, offset, shape, strides);
}

/** `(data, requires_grad, backward_hooks)` */
function rebuildParameter({ where }: Rebuilder, args: readonly PickleValue[]): PickleValue {
  const [data] = args;
  if (data instanceof TorchTensor) return data;
  throw badArguments(where, '_rebuild_parameter', args);
}

const isSize = (value: PickleValue | undefined): value is number => typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
const isSizes = (value: PickleValue | undefined): value is readonly number[] =>
  Array.isArray(value) && value.length <= 64 && value.every((one) => isSize(one as PickleValue));

const badArguments = (where: string, name: string, args: PickleValue | undefined) =>
  refused(where, `the arguments of \`${name}\` cannot be used.`, 'those that PyTorch writes', describeValue(args));
