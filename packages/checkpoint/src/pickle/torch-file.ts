import { SsmError } from '@densessm/ssm-core';
import { BYTES_PER_ELEMENT, type StoredTensor } from '../dtypes';
import { shorten } from '../json';
import { type ByteSource, entryOf, readExactly, type TensorSource } from '../safetensors';
import { EntryCheck } from './crc';
import { readPickle } from './machine';
import { brokenFile, describeValue, PickleDict, type PickleValue, refused, TorchTensor } from './values';
import { readZip, type ZipEntry, type ZipFile } from './zip';

/** Room for a state dict of more than 50,000 tensors. */
const MAX_PICKLE_BYTES = 2 ** 23;
/** What every zip file begins with. */
const ZIP = [0x50, 0x4b, 0x03, 0x04];
/** Where training programs keep the state dict beside other things: Lightning, fairseq and torchscale. */
const WRAPPERS = ['state_dict', 'model'];

/** A tensor with the place of its storage. */
interface Placed {
  readonly dtype: StoredTensor['dtype'];
  readonly shape: readonly number[];
  readonly tensor: TorchTensor;
  readonly storage: () => Promise<EntryCheck>;
}

/**
 * Opens what `torch.save` of PyTorch 1.6 or later wrote: a state dict, or a dict that holds one under `state_dict` or
 * `model`. Only the pickle, which names the tensors, is read; then each tensor's own bytes when asked for. The pickle is
 * read, never run: whatever is not tensors in plain containers is refused by name.
 * @throws SsmError FILE
 */
export async function openTorchFile(source: ByteSource, where = 'openTorchFile'): Promise<Required<TensorSource>> {
  await requireZip(where, source);
  const zip = await readZip(where, source);
  const prefix = await findArchive(where, source, zip);
  const value = readPickle(where, await entryBytes(where, source, zip, `${prefix}data.pkl`, MAX_PICKLE_BYTES));
  const tensors = new Map<string, Placed>();
  const checks = entryChecks(where, source, zip);
  for (const [name, tensor] of stateDict(where, value)) tensors.set(name, place(where, zip, prefix, name, tensor, checks));
  const readPart = partsReader(where, tensors);
  const read = async (name: string): Promise<StoredTensor> => {
    const { dtype, shape } = entryOf(where, tensors, name);
    return { dtype, shape, bytes: await readPart(name, 0, sizeOf(shape)) };
  };
  return { tensors, read, readPart };
}

async function requireZip(where: string, source: ByteSource): Promise<void> {
  const start = await readExactly(where, source, 0, Math.min(4, source.size));
  if (ZIP.every((byte, i) => byte === start[i])) return;
  const isPickle = start[0] === 0x80;
  throw new SsmError({
    code: 'FILE',
    what: `${where}: the file is not a zip file.`,
    expected: 'a file that torch.save of PyTorch 1.6 or later wrote',
    got: isPickle ? 'a bare pickle, as older versions wrote' : `${source.size} bytes that begin with [${[...start].join(', ')}]`,
    fix: isPickle ? 'load it in a current PyTorch and save it again, as safetensors best' : 'get the file again',
  });
}

/** The folder inside the zip file, which bears the name of the file that was saved. */
async function findArchive(where: string, source: ByteSource, zip: ZipFile): Promise<string> {
  const pickles = [...zip.entries.keys()].filter((name) => /^[^/]+\/data\.pkl$/.test(name));
  const prefix = pickles[0]?.slice(0, -'data.pkl'.length);
  if (prefix === undefined || pickles.length > 1)
    throw brokenFile(where, 'the zip file is not from torch.save.', 'one entry NAME/data.pkl', `${pickles.length} of them`);
  if (zip.entries.has(`${prefix}constants.pkl`))
    throw refused(where, 'the file holds a TorchScript program.', 'a state dict', 'constants.pkl beside data.pkl');
  if (zip.entries.has(`${prefix}byteorder`)) {
    const order = new TextDecoder().decode(await entryBytes(where, source, zip, `${prefix}byteorder`, 16));
    if (order !== 'little') throw refused(where, 'the numbers lie in another order of bytes.', 'little', order);
  }
  return prefix;
}

/** Names are compared, never followed: nothing is unpacked. */
function entryNamed(where: string, zip: ZipFile, name: string): ZipEntry {
  const entry = zip.entries.get(name);
  if (entry) return entry;
  throw brokenFile(
    where,
    `the zip file has no entry ${shorten(JSON.stringify(name))}.`,
    'what its pickle names',
    `${zip.entries.size} others`,
  );
}

async function entryBytes(where: string, source: ByteSource, zip: ZipFile, name: string, cap: number): Promise<Uint8Array> {
  const entry = entryNamed(where, zip, name);
  if (entry.size > cap) throw brokenFile(where, `${shorten(name)} is too large.`, `at most ${cap} bytes`, `${entry.size} bytes`);
  return new EntryCheck(where, source, entry, await zip.dataOffset(entry)).read(0, entry.size);
}

/** The tensors of a dict by name; other values beside them (counters, say) are no weights. */
function stateDict(where: string, value: PickleValue): Map<string, TorchTensor> {
  const direct = tensorsOf(value);
  if (direct.size > 0 || !(value instanceof PickleDict)) {
    if (value instanceof PickleDict) return direct;
    throw refused(where, 'the pickle is no state dict.', 'a dict of tensors by name', describeValue(value));
  }
  const wrapped = WRAPPERS.map((key) => value.entries.get(key)).find((one) => one instanceof PickleDict);
  return wrapped ? tensorsOf(wrapped) : direct;
}

function tensorsOf(value: PickleValue): Map<string, TorchTensor> {
  const tensors = new Map<string, TorchTensor>();
  if (!(value instanceof PickleDict)) return tensors;
  for (const [name, one] of value.entries) if (typeof name === 'string' && one instanceof TorchTensor) tensors.set(name, one);
  return tensors;
}

/** One check for each storage, however many tensors share it. */
function entryChecks(where: string, source: ByteSource, zip: ZipFile): (entry: ZipEntry) => Promise<EntryCheck> {
  const checks = new Map<ZipEntry, Promise<EntryCheck>>();
  const open = async (entry: ZipEntry) => new EntryCheck(where, source, entry, await zip.dataOffset(entry));
  return (entry) => {
    const check = checks.get(entry) ?? open(entry);
    checks.set(entry, check);
    return check;
  };
}

/** @throws SsmError FILE where the storage is missing or has another size than the pickle says */
function place(
  where: string,
  zip: ZipFile,
  prefix: string,
  name: string,
  tensor: TorchTensor,
  checks: (entry: ZipEntry) => Promise<EntryCheck>,
): Placed {
  const { key, dtype, length } = tensor.storage;
  const entry = entryNamed(where, zip, `${prefix}data/${key}`);
  const bytes = length * BYTES_PER_ELEMENT[dtype];
  if (entry.size !== bytes) {
    const what = `the storage of ${shorten(JSON.stringify(name))} has another size than the pickle says.`;
    throw brokenFile(where, what, `${bytes} bytes: ${length} ${dtype}`, `${entry.size} bytes`);
  }
  return { dtype, shape: tensor.shape, tensor, storage: () => checks(entry) };
}

/**
 * Elements in row-major order. A view with other strides is gathered once and kept until another tensor is asked for. With a tensor's last
 * element its storage has been checked to the end.
 */
function partsReader(where: string, tensors: ReadonlyMap<string, Placed>): Required<TensorSource>['readPart'] {
  let gathered: { name: string; bytes: Uint8Array } | undefined;
  return async (name, first, count) => {
    const { tensor, dtype, shape, storage } = entryOf(where, tensors, name);
    const width = BYTES_PER_ELEMENT[dtype];
    if (gathered?.name !== name) gathered = undefined;
    if (count === 0) return new Uint8Array(0);
    if (!gathered) {
      const check = await storage();
      const start = tensor.offset * width;
      if (isContiguous(tensor)) {
        const bytes = await check.read(start + first * width, count * width);
        if (first + count === sizeOf(shape)) await check.finish();
        return bytes;
      }
      const span = shape.reduce((sum, length, axis) => sum + (length - 1) * (tensor.strides[axis] as number), 1);
      gathered = { name, bytes: gather(await check.read(start, span * width), width, tensor) };
      await check.finish();
    }
    return gathered.bytes.slice(first * width, (first + count) * width);
  };
}

function gather(bytes: Uint8Array, width: number, { shape, strides }: TorchTensor): Uint8Array {
  const gathered = new Uint8Array(sizeOf(shape) * width);
  const index = shape.map(() => 0);
  let from = 0;
  for (let to = 0; to < gathered.length; to += width) {
    for (let i = 0; i < width; i++) gathered[to + i] = bytes[from * width + i] as number;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const [length, stride, at] = [shape[axis], strides[axis], index[axis]] as [number, number, number];
      const isLast = at + 1 === length;
      index[axis] = isLast ? 0 : at + 1;
      from += isLast ? -stride * at : stride;
      if (!isLast) break;
    }
  }
  return gathered;
}

function isContiguous({ shape, strides }: TorchTensor): boolean {
  let expected = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && strides[axis] !== expected) return false;
    expected *= shape[axis] as number;
  }
  return true;
}

const sizeOf = (shape: readonly number[]): number => shape.reduce((product, length) => product * length, 1);
