import { SsmError } from '@densessm/ssm-core';

/** Kinds of section and of import, and flags of a memory: WebAssembly Core Specification, §5.4 and §5.5; shared memories: the threads proposal. */
const [IMPORTS, MEMORIES] = [2, 5];
const MEMORY_IMPORT = 2;
const [BOUNDED, BOUNDED_AND_SHARED] = [1, 3];
const HEADER_BYTES = 8;

/**
 * The same WebAssembly module on a memory that threads can share. It differs in one bit, the flag of the memory that it defines or
 * imports: its loads and stores mean the same on either, and one thread alone runs the module's own allocator.
 * Used for tfjs's module without threads, which keeps its single-threaded operations as they are and starts no workers, and for ours.
 * @throws SsmError BACKEND where the module has no memory with an upper bound as its first memory.
 */
export function withSharedMemory(module: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(module);
  const reader = new Reader(bytes, HEADER_BYTES);
  while (!reader.isAtEnd) {
    const id = reader.byte();
    const end = reader.number() + reader.at;
    if (id === IMPORTS) skipToMemory(reader);
    if (id === MEMORIES) reader.number(); // how many
    if ((id === IMPORTS || id === MEMORIES) && reader.at < end && bytes[reader.at] === BOUNDED) {
      bytes[reader.at] = BOUNDED_AND_SHARED;
      return bytes;
    }
    reader.at = end;
  }
  throw noBoundedMemory();
}

/** Our module imports its memory and nothing else; tfjs's imports functions alone, so that the first import decides. */
function skipToMemory(reader: Reader): void {
  reader.number(); // how many
  for (let name = 0; name < 2; name++) {
    const length = reader.number();
    reader.at += length;
  }
  if (reader.byte() !== MEMORY_IMPORT) reader.at = Number.POSITIVE_INFINITY;
}

class Reader {
  constructor(
    readonly bytes: Uint8Array,
    public at: number,
  ) {}

  get isAtEnd(): boolean {
    return this.at >= this.bytes.length;
  }
  byte(): number {
    return this.bytes[this.at++] ?? 0;
  }
  /** An unsigned LEB128 number. */
  number(): number {
    let [value, shift, byte] = [0, 0, 0];
    do {
      byte = this.byte();
      value += (byte & 127) * 2 ** shift;
      shift += 7;
    } while (byte > 127);
    return value;
  }
}

const noBoundedMemory = (): SsmError =>
  new SsmError({
    code: 'BACKEND',
    what: 'withSharedMemory: this module has no memory that could be shared.',
    expected: 'a module whose first memory, its own or imported, has an upper bound',
    got: 'one without',
    fix: 'use the files of tfjs-backend-wasm 4.22, or start with one thread',
  });
