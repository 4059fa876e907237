import { SsmError } from '@densessm/ssm-core/plain';
import type { LibraryHandle } from 'koffi';
import { type Abi, abiOf } from './abi';
import type { Numbers, Operation } from './communicator';

/** The calls of libmpi that are used, typed. All return 0, since MPI ends the job on any error. */
export interface Bindings {
  readonly abi: Abi;
  /** First line of what the library says of itself. */
  readonly version: string;
  readonly rank: number;
  readonly size: number;
  allReduce: Collective<[values: Numbers, operation: Operation]>;
  broadcast: Collective<[bytes: Uint8Array, root: number]>;
  barrier: Collective<[]>;
  /** Ends MPI, on a thread of koffi's: it may hang. */
  finalize(): Promise<void>;
}

type KoffiFunction = ReturnType<LibraryHandle['func']>;

/** One collective operation, in two ways. */
export interface Collective<Arguments extends readonly unknown[]> {
  /** Begins it; `done` of the result tells whether it has ended, and goes on with it. */
  begin(...given: Arguments): { done(): boolean };
  /** Does it on a thread of koffi's. */
  onThread(...given: Arguments): Promise<void>;
}

/** MPI_THREAD_SERIALIZED: several threads, one call at a time. */
const SERIALIZED = 2;

/** Starts MPI. @throws SsmError BACKEND where the library does not allow calls from more than one thread */
export function bind(library: LibraryHandle): Bindings {
  const abi = abiOf(library);
  const { handle } = abi;
  const version = versionOf(library);
  const provided = [0];
  library.func('int MPI_Init_thread(void *, void *, int, _Out_ int *)')(null, null, SERIALIZED, provided);
  if ((provided[0] ?? 0) < SERIALIZED) throw singleThreaded(version, provided[0] ?? 0);
  const asked = (name: string): number => {
    const out = [0];
    library.func(`int ${name}(${handle}, _Out_ int *)`)(abi.world, out);
    return out[0] ?? 0;
  };
  const test = library.func('int MPI_Test(void *, _Out_ int *, intptr_t)');
  const collective = <A extends readonly unknown[]>(name: string, types: string, words: (...given: A) => unknown[]): Collective<A> => ({
    begin: beginner(library.func(`int MPI_I${name.toLowerCase()}(${types}, void *)`), test, abi.ignoreStatus, words),
    onThread: threaded(library.func(`int MPI_${name}(${types})`), words),
  });
  return {
    abi,
    version,
    rank: asked('MPI_Comm_rank'),
    size: asked('MPI_Comm_size'),
    allReduce: collective(
      'Allreduce',
      `intptr_t, void *, int, ${handle}, ${handle}, ${handle}`,
      (values: Numbers, operation: Operation) => [
        abi.inPlace,
        values,
        values.length,
        abi.types[kindOf(values)],
        abi.operations[operation],
        abi.world,
      ],
    ),
    broadcast: collective('Bcast', `void *, int, ${handle}, int, ${handle}`, (bytes: Uint8Array, root: number) => [
      bytes,
      bytes.length,
      abi.types.bytes,
      root,
      abi.world,
    ]),
    barrier: collective('Barrier', handle, () => [abi.world]),
    finalize: threaded(library.func('int MPI_Finalize()'), () => []),
  };
}

function beginner<A extends readonly unknown[]>(
  call: KoffiFunction,
  test: KoffiFunction,
  ignoreStatus: number,
  words: (...given: A) => unknown[],
) {
  return (...given: A) => {
    const request = Buffer.alloc(8); // MPI_Request: an address or an int
    call(...words(...given), request);
    const flag = [0];
    const done = (): boolean => {
      test(request, flag, ignoreStatus);
      return flag[0] !== 0;
    };
    return { done };
  };
}

function threaded<A extends readonly unknown[]>(call: KoffiFunction, words: (...given: A) => unknown[]) {
  return (...given: A): Promise<void> =>
    new Promise((resolve, reject) => {
      call.async(...words(...given), (error: unknown) => (error ? reject(error) : resolve()));
    });
}

function versionOf(library: LibraryHandle): string {
  const [text, length] = [Buffer.alloc(8192), [0]];
  library.func('int MPI_Get_library_version(_Out_ uint8_t *, _Out_ int *)')(text, length);
  const [line = ''] = text
    .subarray(0, length[0])
    .toString('utf8')
    .split(/[\n\0,]/, 1);
  return line.replaceAll(/\s+/g, ' ').trim();
}

function kindOf(values: Numbers): 'float32' | 'float64' | 'int32' {
  if (values instanceof Float32Array) return 'float32';
  return values instanceof Float64Array ? 'float64' : 'int32';
}

const singleThreaded = (version: string, got: number): SsmError =>
  new SsmError({
    code: 'BACKEND',
    what: `${version} was built without threads.`,
    expected: 'MPI_THREAD_SERIALIZED or more',
    got: `level ${got}`,
    fix: 'use another build of MPI: --mpi-library FILE',
  });
