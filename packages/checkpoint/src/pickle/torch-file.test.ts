import { readFileSync } from 'node:fs';
import { gain, type SsmError, weight } from '@densessm/ssm-core';
import { setBackend } from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { type ByteSource, loadParams, openTorchFile, parseSafetensors, tensorValues } from '../index';
import { readZip, type ZipEntry } from './zip';

const folder = new URL('../../fixtures/pickles/', import.meta.url);
const fixture = (name: string): Uint8Array => new Uint8Array(readFileSync(new URL(name, folder)));
const expected = parseSafetensors(fixture('expected.safetensors'));

interface Read {
  offset: number;
  length: number;
}

function counted(file: Uint8Array): { source: ByteSource; reads: Read[] } {
  const reads: Read[] = [];
  const read: ByteSource['read'] = async (offset, length) => {
    reads.push({ offset, length });
    return file.slice(offset, offset + length);
  };
  return { source: { size: file.length, read }, reads };
}

const open = (file: Uint8Array) => openTorchFile(counted(file).source, 'pytorch_model.bin');

async function refusal(name: string): Promise<SsmError> {
  return open(fixture(name)).then(
    () => expect.unreachable('it was read'),
    (error: SsmError) => error,
  );
}

describe('a file that torch.save wrote', () => {
  it.each(['types', 'views', 'tied', 'module', 'wrapped', 'protocol4'])('is read as torch.load does: %s.bin', async (name) => {
    const file = await open(fixture(`${name}.bin`));
    const wanted = [...expected.tensors].filter(([key]) => key.startsWith(`${name}/`));
    expect([...file.tensors.keys()].sort()).toEqual(wanted.map(([key]) => key.slice(name.length + 1)).sort());
    for (const [key, want] of wanted) {
      const stored = await file.read(key.slice(name.length + 1));
      expect(stored, key).toMatchObject({ dtype: want.dtype, shape: want.shape });
      expect([...stored.bytes], key).toEqual([...want.bytes]);
      expect(tensorValues(key, stored).length).toBe(want.shape.reduce((product, size) => product * size, 1));
    }
  });

  it('gives any part of a tensor, contiguous or not', async () => {
    const file = await open(fixture('views.bin'));
    for (const name of ['block', 'permuted', 'row', 'whole']) {
      const { bytes } = await file.read(name);
      const width = name === 'permuted' ? 2 : 4;
      expect([...((await file.readPart?.(name, 1, 3)) ?? [])], name).toEqual([...bytes.slice(width, 4 * width)]);
      expect(await file.readPart?.(name, 2, 0)).toEqual(new Uint8Array(0));
    }
  });

  it('is read lazily: the directory and the pickle first, then only the storage of the tensor asked for, once', async () => {
    const bytes = fixture('views.bin');
    const { source, reads } = counted(bytes);
    const file = await openTorchFile(source);
    const before = reads.length;
    await file.read('row');
    // the entry's own header, what lies before the row, the row, and the rest for the storage's CRC
    expect(reads.slice(before).map(({ length }) => length)).toEqual([30, 12 * 4, 6 * 4, 6 * 4]);
    await file.readPart?.('row', 1, 2);
    expect(reads.slice(before + 4).map(({ length }) => length)).toEqual([8]);
  });

  it.each([
    ['data.pkl', /the bytes of "[^"]+data.pkl" are damaged.\n.*the CRC-32/],
    ['data/0', /the bytes of "[^"]+data\/0" are damaged/],
  ])('is refused where a bit of %s has flipped', async (entry, message) => {
    const bytes = fixture('tied.bin').slice();
    const zip = await readZip('x.bin', counted(bytes).source);
    const [name, found] = [...zip.entries].find(([one]) => one.endsWith(`/${entry}`)) as [string, ZipEntry];
    // of the pickle a letter of a name: nothing else would notice
    const at = entry === 'data.pkl' ? new TextDecoder('latin1').decode(bytes).indexOf('lm_head') : (await zip.dataOffset(found)) + 3;
    bytes[at] = (bytes[at] as number) ^ 1;
    const attempt = openTorchFile(counted(bytes).source).then((file) => file.read([...file.tensors.keys()][0] as string));
    await expect(attempt, name).rejects.toThrow(message);
  });

  it('loads into params, a tied head once', async () => {
    await setBackend('cpu');
    const spec = { embedding: weight('embedding.weight', [3, 2], { aliases: ['lm_head.weight'] }) };
    const { embedding } = await loadParams(spec, await open(fixture('tied.bin')));
    const want = expected.tensors.get('tied/lm_head.weight');
    expect(await embedding.data()).toEqual(want && tensorValues('x', want));
    await expect(loadParams({ x: gain('x', 6) }, await open(fixture('tied.bin')))).rejects.toThrow(/weights are missing/);
  });
});

describe('a file that holds something else', () => {
  it('is refused where it is from before PyTorch 1.6', async () => {
    expect(await refusal('legacy.bin')).toMatchObject({ name: 'SsmError', code: 'FILE', got: 'a bare pickle, as older versions wrote' });
  });

  it('is refused where it holds a TorchScript program', async () => {
    expect((await refusal('script.bin')).message).toMatch(/TorchScript/);
  });

  it('is refused where it is compressed', async () => {
    expect((await refusal('compressed.bin')).message).toMatch(/is compressed.*\n.*stored/);
  });

  it('is refused where it is no zip file at all', async () => {
    await expect(open(new TextEncoder().encode('version https://git-lfs'))).rejects.toThrow(/not a zip file/);
    await expect(open(new Uint8Array())).rejects.toThrow(/0 bytes/);
  });
});
