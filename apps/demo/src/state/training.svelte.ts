/** The run of this tab: one at a time. */
import type { SavedRun, TrainingEvent, TrainingRun, TrainingState, TrainOptions, Twin, WorkerClient, WorkerModel } from 'densessm/web';
import { type Choice, engine } from './engine.svelte';
import { type Trouble, troubleOf } from './troubles';
import { beginWork } from './work';

/** What a run tells of beside its events. */
interface Told {
  readonly checkpoint?: Extract<TrainingEvent, { type: 'saved' }>;
  readonly notice?: string;
}
export type RunChoice = Extract<Choice, { kind: 'run' }>;

let run = $state.raw<TrainingRun | undefined>();
let events = $state.raw<readonly TrainingEvent[]>([]);
let told = $state.raw<Told>({});
let status = $state<TrainingState | 'starting' | undefined>();
let trouble = $state.raw<Trouble | undefined>();
let saved = $state.raw<readonly SavedRun[]>([]);
let canKeep = $state(true);
let asked = $state(0);
let frame = 0;
let quiet: (() => void) | undefined;
let rest: (() => void) | undefined;
/** Whose worker has the run, and what it was begun with. */
let home: WorkerClient | undefined;
let begun: TrainOptions | undefined;
let returning: Promise<void> | undefined;

/** While it runs, Esc pauses it, whatever room is shown. */
function become(next: TrainingState | 'starting' | undefined): void {
  status = next;
  rest?.();
  rest = next === 'running' ? beginWork(() => void training.pause()) : undefined;
}

/** Events come faster than a screen shows: they are taken over once per frame. */
function hear(event: TrainingEvent): void {
  if (event.type === 'saved') told = { ...told, checkpoint: event };
  else if (event.type === 'notice') told = { ...told, notice: event.message };
  else if (event.type === 'state' && status !== 'starting') {
    const wasRunning = status === 'running';
    become(event.state);
    if (event.error) void failed(event.error, wasRunning);
    else if (event.state !== 'running') void list();
  }
  if (frame === 0) frame = requestAnimationFrame(takeOver);
}

/** A run whose device or worker went away goes on, on another one. */
async function failed(error: unknown, wasRunning: boolean): Promise<void> {
  if (!run) return;
  become('starting');
  const isBack = await attempt(async () => {
    if (!(await engine.overcome(error))) throw error;
    const back = await comeBack();
    if (wasRunning) await back.resume();
  });
  if (!isBack) become('failed');
  await list();
}

/** The run in a worker that lives: after its own one went away, from the last checkpoint, or from the start where there is none yet. */
async function comeBack(): Promise<TrainingRun> {
  if (run && home !== engine.client) {
    returning ??= again(run.id).finally(() => {
      returning = undefined;
    });
    await returning;
  }
  if (!run) throw new Error('There is no run.');
  return run;
}

async function again(id: string): Promise<void> {
  const options = begun;
  await list();
  const isKept = saved.some((one) => one.id === id);
  if (!isKept && !options) throw new Error('The run was not kept: its device went away before the first checkpoint.\n  fix start it again');
  await engine.start();
  const next = isKept || !options ? await engine.client.restoreRun(id) : await engine.client.train({ ...options, start: false });
  attach(next);
}

function takeOver(): void {
  frame = 0;
  events = [...(run?.events ?? [])];
}

/** Another run takes the place of the one that was there; one of the same id is the same run, in the same place of the worker. */
function attach(next: TrainingRun): void {
  const old = run;
  quiet?.();
  [run, home, told] = [next, engine.client, {}];
  takeOver();
  become(next.state);
  quiet = next.listen(hear);
  if (old && old.id !== next.id) void free(old);
}

const free = (one: TrainingRun): Promise<void> => one.dispose().catch(() => undefined); // its worker may have ended

async function attempt(work: () => Promise<unknown>): Promise<boolean> {
  trouble = undefined;
  asked++;
  try {
    await work();
    return true;
  } catch (error) {
    trouble = troubleOf(error);
    return false;
  } finally {
    asked--;
  }
}

async function close(): Promise<void> {
  quiet?.();
  const old = run;
  [run, events, told, quiet, trouble, begun] = [undefined, [], {}, undefined, undefined, undefined];
  become(undefined);
  if (old) await free(old);
}

/** Opens another run; the one that is there is kept until then, in the browser too if it can go on. */
async function replace(open: () => Promise<TrainingRun>, options?: TrainOptions): Promise<void> {
  if (status === 'starting') return;
  const canGoOn = status === 'running' || status === 'paused';
  const isOpen = await attempt(async () => {
    const old = run;
    become('starting');
    if (canGoOn) await old?.pause(); // which saves
    await engine.start();
    attach(await open());
    begun = options;
  });
  if (!isOpen) become(run?.state);
  await list();
}

const begin = (options: TrainOptions): Promise<void> => replace(() => engine.client.train(options), options);
const restore = (id: string): Promise<void> => replace(() => engine.client.restoreRun(id));

async function list(): Promise<void> {
  canKeep = await hasStorage();
  saved = await engine.client.savedRuns().catch(() => saved); // a worker that ended takes none along
}

/** Some private windows have none. */
const hasStorage = async (): Promise<boolean> => (await navigator.storage?.getDirectory?.().catch(() => undefined)) !== undefined;

const remove = (id: string): Promise<boolean> =>
  attempt(async () => {
    if (run?.id === id) await close();
    await engine.client.deleteRun(id);
    await list();
  });

/** Does something with the run; once more where the device went away meanwhile. */
const withRun = (task: (one: TrainingRun) => Promise<unknown>): Promise<boolean> =>
  attempt(async () => {
    try {
      await task(await comeBack());
    } catch (error) {
      if (!(await engine.overcome(error))) throw error;
      await task(await comeBack());
    }
  });

/** A model of a run: of this one as it is now, of another one as it was kept. */
async function openTwin(id: string, twin: Twin): Promise<WorkerModel> {
  if (run?.id === id) return (await comeBack()).openModel(twin);
  await engine.start();
  const kept = await engine.client.restoreRun(id);
  try {
    return await kept.openModel(twin);
  } finally {
    await kept.dispose();
  }
}

export const training = {
  get run(): TrainingRun | undefined {
    return run;
  },
  get events(): readonly TrainingEvent[] {
    return events;
  },
  get told(): Told {
    return told;
  },
  get status(): TrainingState | 'starting' | undefined {
    return status;
  },
  get trouble(): Trouble | undefined {
    return trouble;
  },
  get saved(): readonly SavedRun[] {
    return saved;
  },
  /** Whether the worker has not yet done what was asked of it: a pause comes after the step that runs. */
  get isBusy(): boolean {
    return asked > 0;
  },
  /** Whether this browser keeps checkpoints. */
  get canKeep(): boolean {
    return canKeep;
  },
  /** The last checkpoint of a run that failed, to go on from. */
  get rescue(): SavedRun | undefined {
    return status === 'failed' ? saved.find(({ id }) => id === run?.id) : undefined;
  },
  begin,
  restore,
  remove,
  list,
  pause: () => attempt(async () => run?.pause()),
  resume: () => withRun((one) => one.resume()),
  step: () => withRun((one) => one.stepOnce()),
  stop: () => withRun((one) => one.stop()),
  withRun,
};

/** The run's models as choices of the model picker. */
export const runModels = {
  get list(): readonly RunChoice[] {
    const current = run;
    if (!current || status === 'starting') return [];
    return current.twins.map((twin: Twin) => ({ kind: 'run', name: current.name, twin, open: () => openTwin(current.id, twin) }));
  },
};
