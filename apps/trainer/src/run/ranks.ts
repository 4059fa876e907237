/** A run in several processes, which mpirun or srun started: what they tell each other besides gradients. */
import { availableParallelism, cpus } from 'node:os';
import { type Communicator, endProcess, isSameEverywhere, launcherOf, openMpi, tell } from '@densessm/distributed';
import { SsmError } from '@densessm/ssm-core/plain';
import type { HostTensor, TrainingState } from '@densessm/train';
import { hash32 } from '@densessm/train/internal';
import type { TrainingData } from '../data/options';
import { usageError } from '../errors';
import { EXIT, Exit, type Io } from '../io';
import { type Settings, type SomeSettings, TABLE } from '../settings/table';

/** Rank 0 gives up before the others do, so that it has the time to save before the launcher ends it with them. */
const patience = (seconds: number, rank: number): number => (rank === 0 ? seconds : 1.5 * seconds + 5);

/**
 * Joins the other processes of the launcher; undefined where there is none or only one.
 * @throws SsmError BACKEND where MPI is missing, OPTION where the data comes from stdin, which one process has alone
 */
export async function joinRanks(given: SomeSettings, io: Io): Promise<Communicator | undefined> {
  const launcher = launcherOf(io.env);
  if (launcher === undefined) return undefined;
  if (given.data?.includes('-') || given.valData?.includes('-'))
    throw usageError('Several processes cannot read stdin.', 'files, folders or names of data', '-', 'put the text into a file');
  const timeout = given.communicationTimeout ?? TABLE.communicationTimeout.fallback;
  const world = await openMpi({
    library: given.mpiLibrary,
    communicationTimeout: patience(timeout, launcher.rank),
    env: io.env,
  });
  if (io.last) io.last.leave = endProcess;
  return world;
}

/** What one process does alone, while the others wait for it: all go on, or none. @throws Exit where another has failed, which tells */
export async function together<T>(world: Communicator | undefined, work: () => Promise<T>): Promise<T> {
  if (world === undefined) return work();
  const [result] = await Promise.allSettled([work()]);
  const failed = Float64Array.of(result.status === 'rejected' ? 1 : 0);
  await world.patiently(() => world.allReduce(failed, 'max'));
  if (result.status === 'rejected') throw result.reason;
  if (failed[0] !== 0) throw new Exit(EXIT.failure);
  return result.value;
}

/** First rank 0, then the others: what it leaves in a cache serves all. */
export async function inTurn<T>(world: Communicator | undefined, work: () => Promise<T>): Promise<T> {
  if (world === undefined) return work();
  const first = await together(world, async () => (world.rank === 0 ? await work() : undefined));
  const later = await together(world, async () => (world.rank === 0 ? undefined : await work()));
  return (first ?? later) as T;
}

/** What rank 0 found out, or how it failed, which the others then do in silence. */
export async function fromFirst<T>(world: Communicator, work: () => Promise<T>): Promise<T> {
  const told = await together(world, async () => (world.rank === 0 ? await work() : undefined));
  return world.patiently(() => tell(world, told));
}

/** Threads of each process: its share of the cores, or those that it was bound to. */
export function threadsPerRank({ localSize }: Pick<Communicator, 'localSize'>): number {
  const [mine, all] = [availableParallelism(), cpus().length];
  return Math.max(1, mine < all ? mine : Math.floor(all / localSize));
}

/** What takes part, in a line. */
export function describeRanks(
  { size, localSize, about }: Communicator,
  { batchSize, gradientAccumulationSteps, outerSteps }: Settings,
): string {
  const meet = outerSteps > 0 ? `every ${outerSteps} steps` : 'at every step';
  const parts = gradientAccumulationSteps > 1 ? ` × ${gradientAccumulationSteps}` : '';
  return `${size} processes, ${localSize} on this machine, × ${batchSize}${parts} texts; they meet ${meet}, over ${about}`;
}

/** @throws SsmError FILE where the ranks have different data */
export async function requireSameData(world: Communicator, { train, validation, tokenizer }: TrainingData): Promise<void> {
  const looks = [0, 0.37, 0.81].map((share) => Math.floor(share * Math.max(0, train.length - 64)));
  const pieces = await Promise.all(looks.map((start) => train.read(start, Math.min(64, train.length))));
  const hash = hash32(train.length, validation.length, tokenizer.vocabSize, ...pieces.flatMap((piece) => [...piece]));
  if (await isSameEverywhere(world, hash)) return;
  throw new SsmError({
    code: 'FILE',
    what: 'The ranks have different data.',
    expected: `${train.length} tokens of training data, the same on every machine, as rank ${world.rank} has`,
    got: 'others elsewhere',
    fix: 'put the same files on every machine, or on a file system that they share; name one tokenizer with --tokenizer FILE',
  });
}

/** The state that rank 0 read from the checkpoint, on every rank. */
export async function shareState(world: Communicator, own: TrainingState | undefined): Promise<TrainingState> {
  const shapes = (tensors: TrainingState['params']) =>
    [...tensors].map(([name, { shape, values }]) => ({ name, shape, isWhole: values instanceof Int32Array }));
  const index = await tell(world, own && { counters: own.counters, params: shapes(own.params), tensors: shapes(own.tensors) });
  const receive = async (list: ReturnType<typeof shapes>, from: TrainingState['params'] | undefined) => {
    const tensors = new Map<string, HostTensor>();
    for (const { name, shape, isWhole } of list) {
      const size = shape.reduce((product, one) => product * one, 1);
      const values = from?.get(name)?.values ?? (isWhole ? new Int32Array(size) : new Float32Array(size));
      await world.broadcast(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
      tensors.set(name, { shape, values });
    }
    return tensors;
  };
  const params = await receive(index.params, own?.params);
  return { counters: index.counters, params, tensors: await receive(index.tensors, own?.tensors) };
}

export interface Choice {
  /** Whether to stop, which any rank may ask for. */
  readonly stop: boolean;
  /** Whether it is time to save, as rank 0 says. */
  readonly isDue: boolean;
}

/** One decision for all. */
export async function agree(world: Communicator, { stop, isDue }: Choice): Promise<Choice> {
  const flags = Float64Array.of(stop ? 1 : 0, isDue && world.rank === 0 ? 1 : 0);
  await world.allReduce(flags, 'max');
  return { stop: flags[0] === 1, isDue: flags[1] === 1 };
}
