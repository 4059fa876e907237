import { describe, expect, it } from 'vitest';
import { withSharedMemory } from './shared-memory';

const HEADER = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
/** Defines and exports a memory of 1 to 2 pages; flags 1 is bounded. */
const defining = (flags: number, limits = [1, 2]) =>
  Uint8Array.from([...HEADER, 5, 2 + limits.length, 1, flags, ...limits, 7, 5, 1, 1, 0x6d, 2, 0]);
/** Imports one as e.m. */
const IMPORTING = Uint8Array.from([...HEADER, 2, 9, 1, 1, 0x65, 1, 0x6d, 2, 1, 1, 2]);
/** Imports the function e.f and defines a memory. */
const WITH_FUNCTION = Uint8Array.from([
  ...HEADER,
  1,
  4,
  1,
  0x60,
  0,
  0,
  2,
  7,
  1,
  1,
  0x65,
  1,
  0x66,
  0,
  0,
  5,
  4,
  1,
  1,
  1,
  2,
  7,
  5,
  1,
  1,
  0x6d,
  2,
  0,
]);

const bufferOf = async (bytes: Uint8Array<ArrayBuffer>, imports = {}) => {
  const { instance } = await WebAssembly.instantiate(bytes, imports);
  return (instance.exports.m as WebAssembly.Memory).buffer as ArrayBuffer | SharedArrayBuffer;
};

describe('withSharedMemory', () => {
  it('shares the memory that a module defines, and leaves the module that it was given', async () => {
    const module = defining(1);
    expect(await bufferOf(withSharedMemory(module))).toBeInstanceOf(SharedArrayBuffer);
    expect(await bufferOf(module)).toBeInstanceOf(ArrayBuffer);
    expect(await bufferOf(withSharedMemory(WITH_FUNCTION), { e: { f: () => undefined } })).toBeInstanceOf(SharedArrayBuffer);
  });

  it('lets a module import a shared memory', async () => {
    const m = new WebAssembly.Memory({ initial: 1, maximum: 2, shared: true });
    await expect(WebAssembly.instantiate(IMPORTING, { e: { m } })).rejects.toThrow(WebAssembly.LinkError);
    await expect(WebAssembly.instantiate(withSharedMemory(IMPORTING), { e: { m } })).resolves.toBeDefined();
  });

  it.each([
    ['a memory without bound', defining(0, [1])],
    ['no memory', Uint8Array.from(HEADER)],
    ['nothing', new Uint8Array()],
    ['bytes that break off', defining(1).slice(0, 11)],
  ])('refuses %s', (_, module) => {
    expect(() => withSharedMemory(module)).toThrow(/no memory that could be shared/);
  });
});
