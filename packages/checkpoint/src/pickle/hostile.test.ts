import { existsSync, readFileSync } from 'node:fs';
import { SsmError } from '@densessm/ssm-core';
import { describe, expect, it } from 'vitest';
import { pickleOf, zipOf } from '../../fixtures/make-zip';
import { openTorchFile } from './torch-file';

const source = (file: Uint8Array) => ({
  size: file.length,
  read: async (offset: number, length: number) => file.slice(offset, offset + length),
});
const hostile = (name: string): Uint8Array => readFileSync(new URL(`../../fixtures/pickles/hostile/${name}.bin`, import.meta.url));

async function refusal(file: Uint8Array): Promise<string> {
  const error = await openTorchFile(source(file), 'model.bin').then(
    () => expect.unreachable('it was read'),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(SsmError);
  expect((error as SsmError).code).toBe('FILE');
  return (error as SsmError).message;
}

const archive = (pickle: Uint8Array, data: Record<string, Uint8Array> = {}): Uint8Array =>
  zipOf({ 'archive/data.pkl': pickle, ...Object.fromEntries(Object.entries(data).map(([key, bytes]) => [`archive/data/${key}`, bytes])) });

describe('a pickle that Python would run', () => {
  it.each([
    ['os-system-global', /asks for `posix.system`; nothing was run/],
    ['os-system-stack-global', /asks for `posix.system`; nothing was run/],
    ['builtins-eval', /asks for `__builtin__.eval`; nothing was run/],
    ['inst', /opcode STRING; nothing was run/],
    ['obj', /asks for `os.system`; nothing was run/],
  ])('is refused by name: %s', async (name, message) => {
    expect(await refusal(hostile(name))).toMatch(message);
    expect(existsSync('/tmp/densessm-was-here')).toBe(false);
  });

  it('tells the whole story', async () => {
    expect(await refusal(hostile('os-system-global'))).toMatchInlineSnapshot(`
      "model.bin: the pickle asks for \`posix.system\`; nothing was run.
        expected  collections.OrderedDict, torch._utils._rebuild_tensor_v2, torch._utils._rebuild_parameter or a typed storage of torch
        got       posix.system
        fix       if you trust where the file comes from, load it in Python and save its tensors as safetensors; if not, keep away from it"
    `);
  });

  it('is refused where it copies one list again and again into dicts', async () => {
    const pairs = Array.from({ length: 2000 }, (_, i) => [`X\x02\0\0\0${String.fromCharCode(97 + (i % 26), 97 + (i >> 7))}N`, 0x86]).flat();
    const list = ['](', ...pairs, 'eq\0'];
    const copies = Array.from({ length: 3000 }, () => ['ccollections\nOrderedDict\nh\0', 0x85, 'R']).flat();
    const before = process.memoryUsage().heapUsed;
    expect(await refusal(archive(pickleOf(...list, '(', ...copies, 't.')))).toMatch(
      /its dicts and lists hold too much.\n.*at most 1048576 entries/,
    );
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(2 ** 28);
  });

  it.each<[string, (string | number | Uint8Array)[], RegExp]>([
    ['INST', ['(ios\nsystem\n.'], /opcode INST of `os.system`/],
    ['OBJ of something allowed', ['(ccollections\nOrderedDict\no.'], /opcode OBJ/],
    ['NEWOBJ', ['ccollections\nOrderedDict\n)', 0x81, '.'], /opcode NEWOBJ;/],
    ['NEWOBJ_EX', ['ccollections\nOrderedDict\n)}', 0x92, '.'], /opcode NEWOBJ_EX/],
    ['EXT1', [0x82, 1, '.'], /opcode EXT1/],
    ['PERSID', ['Pstorage\n.'], /opcode PERSID/],
    ['an opcode of nobody', [0xff, '.'], /opcode 0xff/],
    ['__proto__ as an opcode', ['_'], /opcode 0x5f/],
    [
      'a dotted name on the list',
      ['ctorch\n_utils._rebuild_tensor_v2.__globals__\n.'],
      /asks for `torch._utils._rebuild_tensor_v2.__globals__`/,
    ],
    ['a module of torch that is not on the list', ['ctorch.hub\nload\n.'], /asks for `torch.hub.load`/],
    ['a call of a storage class', ['ctorch\nFloatStorage\n)R.'], /torch.FloatStorage with a tuple of 0/],
    ['a call of a text', ['X', 1, 0, 0, 0, 'a)R.'], /calls something that cannot be called/],
    ['a call with a list', ['ccollections\nOrderedDict\n]R.'], /OrderedDict with a list of 0/],
    ['BUILD on a tensor class', ['ctorch\nFloatStorage\n}b.'], /sets the state of an object/],
    ['BUILD with a tuple', ['})b.'], /a tuple of 0 on a dict of 0/],
    ['a persistent id of another kind', ['(X', 6, 0, 0, 0, 'moduletQ.'], /something else than a storage/],
  ])('is refused: %s', async (_, parts, message) => {
    expect(await refusal(archive(pickleOf(...parts)))).toMatch(message);
  });
});

describe('a pickle that is made to fill memory or time', () => {
  it.each<[string, (string | number | Uint8Array)[], RegExp]>([
    ['a text longer than the file', ['X', 0xff, 0xff, 0xff, 0xff, 'a.'], /4294967295 more bytes/],
    ['a text of 2^63', [0x8d, 0, 0, 0, 0, 0, 0, 0, 0x80, '.'], /ends early/],
    ['an integer of 255 bytes', [0x8a, 0xff, '.'], /integer is too large/],
    ['an integer beyond 2^53', [0x8a, 8, 1, 1, 1, 1, 1, 1, 1, 1, '.'], /integer is too large/],
    ['no end', [')'], /ends early/],
    ['nothing', [], /ends early/],
    ['an empty stack', ['.'], /stack is empty/],
    ['a pop beyond the mark', [')(.'], /stack is empty/],
    ['a tuple without a mark', ['t.'], /no mark/],
    ['a memo that was never set', ['h', 7, '.'], /nothing is remembered under 7/],
    ['items on a tuple', ['))a.'], /items without a list/],
    ['a key that is a dict', ['}}}s.'], /a key is no text/],
    ['half a pair', ['}(Nu.'], /a dict and pairs/],
    ['a text that is not UTF-8', ['X', 1, 0, 0, 0, 0xff, '.'], /not UTF-8/],
    ['a line without end', ['cos'], /line has no end/],
    ['a pickle that is no dict', [').'], /no state dict/],
    ['a million marks', [new Uint8Array(2 ** 20 + 1).fill(0x28)], /too many marks/],
    ['a million values', [new Uint8Array(2 ** 20 + 1).fill(0x4e)], /objects|too many values/],
    ['a million lists', ['(', new Uint8Array(2 ** 20 + 1).fill(0x5d)], /too many/],
    ['a million memories', ['N', new Uint8Array(2 ** 20 + 1).fill(0x94)], /too much is remembered/],
  ])('is refused: %s', async (_, parts, message) => {
    expect(await refusal(archive(pickleOf(...parts)))).toMatch(message);
  });

  it('shares what is remembered: thirty levels of doubling stay thirty objects', async () => {
    // ()  then thirty times: remember, recall it, join both in a tuple
    const level = (i: number) => ['q', i, 'h', i, 0x86] as const;
    const bomb = pickleOf(')', ...Array.from({ length: 30 }, (_, i) => level(i)).flat(), '.');
    expect(await refusal(archive(bomb))).toMatch(/no state dict.*\n.*\n.*a tuple of 2/);
  });
});

/** A dict with one tensor `x` of the storage '0' with six floats. */
function tensorPickle({ key = '0', length = 6, shape = [2, 3], strides = [3, 1], offset = 0, type = 'FloatStorage' } = {}): Uint8Array {
  const text = (value: string) => ['X', value.length, 0, 0, 0, value] as const;
  const number = (value: number) => ['J', value & 255, (value >> 8) & 255, (value >> 16) & 255, (value >> 24) & 255] as const;
  const tuple = (values: number[]) => ['(', ...values.flatMap(number), 't'] as const;
  const id = ['(', ...text('storage'), `ctorch\n${type}\n`, ...text(key), ...text('cpu'), ...number(length), 'tQ'] as const;
  const args = ['(', ...id, ...number(offset), ...tuple(shape), ...tuple(strides), 0x89, 'ccollections\nOrderedDict\n)Rt'] as const;
  return pickleOf('}', ...text('x'), 'ctorch._utils\n_rebuild_tensor_v2\n', ...args, 'Rs.');
}
const six = { '0': new Uint8Array(24) };

describe('a tensor that lies', () => {
  it('is read where it does not', async () => {
    const file = await openTorchFile(source(archive(tensorPickle(), six)));
    expect(await file.read('x')).toEqual({ dtype: 'F32', shape: [2, 3], bytes: new Uint8Array(24) });
  });

  it.each<[string, Parameters<typeof tensorPickle>[0], RegExp]>([
    ['a shape beyond the storage', { shape: [3, 3] }, /beyond its storage/],
    ['an offset beyond the storage', { offset: 1 }, /beyond its storage/],
    ['strides beyond the storage', { strides: [4, 1] }, /beyond its storage/],
    ['a tensor expanded from one element', { shape: [1000, 1000], strides: [0, 0] }, /beyond its storage/],
    ['a shape whose product overflows', { shape: [2 ** 30, 2 ** 30], strides: [1, 1] }, /beyond its storage/],
    ['a negative size', { shape: [-1, 3] }, /arguments of `_rebuild_tensor_v2`/],
    ['a negative stride', { strides: [-3, 1] }, /arguments of `_rebuild_tensor_v2`/],
    ['a negative offset', { offset: -1 }, /arguments of `_rebuild_tensor_v2`/],
    ['another number of strides', { strides: [1] }, /arguments of `_rebuild_tensor_v2`/],
    ['a storage that is longer than its bytes', { length: 7 }, /another size than the pickle says.*\n.*28 bytes: 7 F32\n.*24 bytes/],
    ['a storage of a wider type', { type: 'DoubleStorage' }, /another size than the pickle says/],
    ['a storage class that is not on the list', { type: 'QInt8Storage' }, /asks for `torch.QInt8Storage`/],
    ['a storage that is not there', { key: '1' }, /has no entry "archive\/data\/1"/],
    ['a path out of the archive', { key: '../data.pkl' }, /has no entry/],
    ['an absolute path', { key: '/etc/passwd' }, /has no entry/],
  ])('is refused: %s', async (_, lie, message) => {
    expect(await refusal(archive(tensorPickle(lie), six))).toMatch(message);
  });
});
