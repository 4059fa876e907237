import { SsmError } from '@densessm/ssm-core/plain';
import { type Bindings, bind, type Collective } from './bindings';
import type { Communicator, Numbers, Operation, Traffic } from './communicator';
import { findLibrary, loadKoffi } from './find-library';
import { type Environment, type Launcher, launcherOf } from './launcher';

export interface MpiOptions {
  /** The file of libmpi; unless given, the launcher's or the first that the system has. */
  library?: string;
  /** Silence of the others after which a call gives up, in seconds; 600 unless given. */
  communicationTimeout?: number;
  /** Default the environment of the process. */
  env?: Environment;
}

/** What is combined at once: large enough for the bandwidth, small enough to overlap with what the host does. */
export const BUCKET_BYTES = 2 ** 20;
/** Below this, a thread costs more than it saves. */
const BLOCKING_BYTES = 2 ** 16;
/** How long the host is blocked before it lets others have a turn, and how long it naps between two looks. */
const [BLOCKED_MS, SPIN_MS, NAP_MS] = [20, 0.2, 0.05];
const POLL_MS = 1;
/**
 * How long a rank waits for the end of MPI once all have nothing more to say. Over TCP, MPICH's UCX waits now and then for an answer of a rank
 * that no longer listens, for ever; its launcher takes a process that ends without that end as well.
 */
const LEAVE_MS = 3000;

/**
 * Joins the processes that mpirun, mpiexec or srun started.
 * @throws SsmError BACKEND where koffi or MPI is missing, or the library is not the launcher's; OPTION for a timeout without meaning
 */
export async function openMpi(options: MpiOptions = {}): Promise<Communicator> {
  const { library: given, communicationTimeout = 600, env = process.env } = options;
  if (!(communicationTimeout > 0)) throw badTimeout(communicationTimeout);
  const launcher = launcherOf(env);
  for (const [name, value] of Object.entries(UCX)) process.env[name] ??= value;
  const { library, path } = findLibrary(await loadKoffi(), given, launcher, env);
  const bindings = bind(library);
  if (launcher !== undefined && bindings.size !== launcher.size) throw wrongLibrary(bindings, path, launcher);
  const about = `${bindings.version} (${path}), ${launcher?.name ?? 'no launcher'}`;
  return new Mpi(bindings, { about, localSize: launcher?.localSize ?? 1, timeoutMs: communicationTimeout * 1000 });
}

/**
 * UCX, over which MPICH may send, patches malloc's system calls as it starts: beside the other threads of Node that crashes now and then.
 * Its own handler of the crash then hangs.
 */
const UCX = { UCX_MEM_EVENTS: 'n', UCX_HANDLE_ERRORS: 'none' } as const;

interface About {
  readonly about: string;
  readonly localSize: number;
  readonly timeoutMs: number;
}

class Mpi implements Communicator {
  readonly rank: number;
  readonly size: number;
  readonly about: string;
  readonly localSize: number;
  readonly #bindings: Bindings;
  #timeoutMs: number;
  /** Calls run one at a time, in the order in which they were made. */
  #last: Promise<unknown> = Promise.resolve();
  #pending = 0;
  #traffic = { bytes: 0, calls: 0, milliseconds: 0 };
  #busySince = 0;

  constructor(bindings: Bindings, { about, localSize, timeoutMs }: About) {
    this.#bindings = bindings;
    this.#timeoutMs = timeoutMs;
    this.rank = bindings.rank;
    this.size = bindings.size;
    this.about = about;
    this.localSize = localSize;
  }

  get traffic(): Traffic {
    return { ...this.#traffic };
  }

  async allReduce(values: Numbers, operation: Operation = 'sum'): Promise<void> {
    const step = BUCKET_BYTES / values.BYTES_PER_ELEMENT;
    const pieces = Array.from({ length: Math.ceil(values.length / step) }, (_, i) => values.subarray(i * step, (i + 1) * step));
    await Promise.all(pieces.map((piece) => this.#run('all-reduce', this.#bindings.allReduce, piece.byteLength, piece, operation)));
  }

  async broadcast(bytes: Uint8Array, root = 0): Promise<void> {
    const pieces = Array.from({ length: Math.ceil(bytes.length / BUCKET_BYTES) }, (_, i) =>
      bytes.subarray(i * BUCKET_BYTES, (i + 1) * BUCKET_BYTES),
    );
    await Promise.all(pieces.map((piece) => this.#run('broadcast', this.#bindings.broadcast, piece.length, piece, root)));
  }

  barrier(): Promise<void> {
    return this.#run('barrier', this.#bindings.barrier, 0);
  }

  async patiently<T>(work: () => Promise<T>): Promise<T> {
    const timeoutMs = this.#timeoutMs;
    this.#timeoutMs = Number.POSITIVE_INFINITY;
    try {
      return await work();
    } finally {
      this.#timeoutMs = timeoutMs;
    }
  }

  async close(): Promise<void> {
    await this.barrier();
    let timer: NodeJS.Timeout | undefined;
    const enough = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, LEAVE_MS);
    });
    await Promise.race([this.#bindings.finalize(), enough]);
    clearTimeout(timer);
  }

  #run<A extends readonly unknown[]>(what: string, collective: Collective<A>, bytes: number, ...given: A): Promise<void> {
    if (this.#pending++ === 0) this.#busySince = performance.now();
    const work = this.#last.then(() =>
      bytes < BLOCKING_BYTES ? this.#watch(what, collective.begin(...given)) : this.#guard(what, collective.onThread(...given)),
    );
    this.#last = work; // a call that failed fails all after it
    const counted = work.finally(() => {
      if (--this.#pending === 0) this.#traffic.milliseconds += performance.now() - this.#busySince;
      this.#traffic.calls++;
      this.#traffic.bytes += bytes;
    });
    return counted;
  }

  /** Looks until it is done: at first without a pause, then with naps, then between turns of the host. */
  async #watch(what: string, { done }: { done(): boolean }): Promise<void> {
    const began = performance.now();
    while (!done()) {
      const waited = performance.now() - began;
      if (waited > this.#timeoutMs) throw silence(what, this.#timeoutMs, this);
      if (waited > BLOCKED_MS) await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      else if (waited > SPIN_MS) Atomics.wait(NEVER, 0, 0, NAP_MS);
    }
  }

  async #guard(what: string, work: Promise<void>): Promise<void> {
    const timeoutMs = this.#timeoutMs;
    if (!Number.isFinite(timeoutMs)) return work;
    let timer: NodeJS.Timeout | undefined;
    const alarm = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(silence(what, timeoutMs, this)), timeoutMs);
    });
    try {
      await Promise.race([work, alarm]);
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Nobody ever wakes who waits on it. */
const NEVER = new Int32Array(new SharedArrayBuffer(4));

const silence = (what: string, timeoutMs: number, { rank, size }: Pick<Communicator, 'rank' | 'size'>): SsmError =>
  new SsmError({
    code: 'NETWORK',
    what: `Rank ${rank} of ${size} has heard nothing from the others for ${timeoutMs / 1000} s.`,
    expected: `an ${what} in which every rank takes part`,
    got: 'silence: a process that ended or hangs, or a network that is down',
    fix: 'look at the output of the other ranks, and start the job again; a rank that needs longer has it with --communication-timeout SECONDS',
  });

const badTimeout = (got: number): SsmError =>
  new SsmError({
    code: 'OPTION',
    what: 'openMpi: `communicationTimeout` has no meaning.',
    expected: 'seconds above 0',
    got: String(got),
    fix: 'leave it out for 600',
  });

const wrongLibrary = ({ version, size }: Bindings, path: string, launcher: Launcher): SsmError =>
  new SsmError({
    code: 'BACKEND',
    what: 'The MPI library is not that of the launcher.',
    expected: `${launcher.size} processes, as ${launcher.name} started`,
    got: `${size} in ${version} (${path})`,
    fix: 'start with the mpirun of that library (mpirun.openmpi, mpirun.mpich; srun --mpi=pmix for Open MPI, --mpi=pmi2 for MPICH), or name the other library with --mpi-library FILE',
  });
