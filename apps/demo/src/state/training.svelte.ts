/** The run of this tab: one at a time. */
import type { SavedRun, TrainingEvent, TrainingRun, TrainingState, TrainOptions, Twin } from 'densessm/web';
import { type Choice, engine } from './engine.svelte';
import { type Trouble, troubleOf } from './troubles';

export type RunChoice = Extract<Choice, { kind: 'run' }>;

let run = $state.raw<TrainingRun | undefined>();
let events = $state.raw<readonly TrainingEvent[]>([]);
let status = $state<TrainingState | 'starting' | undefined>();
let trouble = $state.raw<Trouble | undefined>();
let saved = $state.raw<readonly SavedRun[]>([]);
let isListed = $state(false);
let asked = $state(0);
let waiting: TrainingEvent[] = [];
let frame = 0;
let quiet: (() => void) | undefined;

/** Events come faster than a screen shows: they are taken over once per frame. */
function hear(event: TrainingEvent): void {
  waiting.push(event);
  if (event.type === 'state') {
    status = event.state;
    if (event.error) void failed(event.error);
    if (event.state !== 'running') void list();
  }
  if (frame === 0) frame = requestAnimationFrame(takeOver);
}

/** A run that lost its graphics device goes on from its last checkpoint, on another one. */
async function failed(error: unknown): Promise<void> {
  const id = run?.id;
  if (!(await engine.overcome(error)) || id === undefined) {
    trouble = troubleOf(error);
    return;
  }
  await restore(id);
  await attempt(async () => run?.resume());
}

function takeOver(): void {
  frame = 0;
  events = [...events, ...waiting];
  waiting = [];
}

function attach(next: TrainingRun): void {
  quiet?.();
  waiting = [];
  run = next;
  events = next.events;
  status = next.state;
  quiet = next.listen(hear);
}

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
  [run, events, status, quiet, trouble] = [undefined, [], undefined, undefined, undefined];
  await old?.dispose().catch(() => undefined); // its worker may have ended
}

async function begin(options: TrainOptions): Promise<void> {
  await close();
  status = 'starting';
  const began = await attempt(async () => {
    await engine.start();
    attach(await engine.client.train(options));
  });
  if (!began) status = undefined;
}

async function restore(id: string): Promise<void> {
  await close();
  status = 'starting';
  const began = await attempt(async () => {
    await engine.start();
    attach(await engine.client.restoreRun(id));
  });
  if (!began) status = undefined;
}

async function list(): Promise<void> {
  try {
    saved = await engine.client.savedRuns();
  } catch {
    saved = []; // a browser without storage has none
  }
  isListed = true;
}

const remove = (id: string): Promise<boolean> =>
  attempt(async () => {
    if (run?.id === id) await close();
    await engine.client.deleteRun(id);
    await list();
  });

export const training = {
  get run(): TrainingRun | undefined {
    return run;
  },
  get events(): readonly TrainingEvent[] {
    return events;
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
  get isListed(): boolean {
    return isListed;
  },
  begin,
  restore,
  remove,
  list,
  close,
  pause: () => attempt(async () => run?.pause()),
  resume: () => attempt(async () => run?.resume()),
  step: () => attempt(async () => run?.stepOnce()),
  stop: () => attempt(async () => run?.stop()),
  attempt,
};

/** The run's models as choices of the model picker. */
export const runModels = {
  get list(): readonly RunChoice[] {
    const current = run;
    if (!current || status === 'starting') return [];
    return current.twins.map((twin: Twin) => ({ kind: 'run', name: current.name, twin, open: () => current.openModel(twin) }));
  },
};
