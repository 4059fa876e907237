import type { Communicator } from '@densessm/distributed';
import type { Io } from '../io';
import type { RunLock } from '../run-folder/lock';
import { GIVEN, type SomeSettings } from '../settings/table';
import { type OpenRun, openRun } from './open-run';
import { fromFirst } from './ranks';

interface Flags {
  readonly breakLock?: boolean;
  readonly requeue?: boolean;
}

/**
 * The run that this process takes part in. Of several processes the first alone opens the folder, and tells the others what it found.
 * @throws SsmError as openRun does
 */
export async function rankRun(
  given: SomeSettings,
  io: Io,
  { breakLock, requeue }: Flags,
  world: Communicator | undefined,
): Promise<OpenRun> {
  // Slurm starts a job again only once its processes have ended, wherever they ran.
  const isRestarted = requeue === true && Number(io.env.SLURM_RESTART_COUNT ?? 0) > 0;
  const open = () => openRun(given, io, { breakLock: breakLock === true || isRestarted, requeue, ranks: world?.size });
  if (world === undefined) return open();
  let own: OpenRun | undefined;
  const told = await fromFirst(world, async () => {
    own = await open();
    const { folder, name, settings, began } = own;
    return { folder, name, settings, began, said: [...(settings[GIVEN] ?? [])] };
  });
  if (own !== undefined) return { ...own, world };
  const { said, ...run } = told;
  return { ...run, settings: { ...run.settings, [GIVEN]: new Set(said) }, lock: NO_LOCK, replaces: false, world };
}

/** The first process holds the folder for all. */
const NO_LOCK: RunLock = { check: async () => undefined, release: async () => undefined };
