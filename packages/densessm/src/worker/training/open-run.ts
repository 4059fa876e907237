import { SsmError } from '@densessm/ssm-core';
import { tokenizerFromJson } from '@densessm/tokenizer';
import { promptFrom } from '@densessm/trainer/recipe';
import type { TrainingFacts, TrainOptions } from '../../web/worker-training';
import { openData, type TextSource, type TrainingData } from './data';
import { commandOf } from './models';
import { WorkerRun } from './run';
import { completeSettings, nameOf, type TrainSettings } from './settings';
import { RunStore } from './store';
import { TwinTrainers } from './twins';

/** A run with what it reads. */
export interface OpenRun {
  readonly run: WorkerRun;
  readonly data: TrainingData;
  /** Whether it runs at once. */
  readonly isStarted: boolean;
  /** Lets other tabs have it. */
  unlock(): void;
}

const STORY_CHARACTERS = 1_000_000;

/** Begins a run. @throws SsmError OPTION, CONFIG, BACKEND; TokenizerError */
export async function beginRun(options: TrainOptions, device: string): Promise<OpenRun> {
  const given = completeSettings(options);
  const { text } = options;
  const source: TextSource =
    text.kind === 'stories'
      ? { stories: text.characters ?? STORY_CHARACTERS }
      : { text: text.kind === 'text' ? text.text : await text.file.text() };
  const data = await openData(source, given);
  const settings = { ...given, samplePrompt: given.samplePrompt || (await promptFrom(data.heldOut, data.tokenizer)) };
  const id = newId();
  const unlock = await lock(id);
  const store = await RunStore.open(id);
  if (store && 'text' in source && settings.saveIntervalMs > 0) await store.keepText(source.text).catch(() => undefined); // the first checkpoint tells
  const textName = nameOf(text);
  const twins = new TwinTrainers(settings, data);
  const facts = factsOf({ id, settings, data, source, textName, device }, twins);
  const kept = { stories: 'stories' in source ? source.stories : undefined, textName, tokenizer: data.tokenizer.toJSON() };
  return { run: new WorkerRun({ facts, twins, store, kept }), data, isStarted: settings.start, unlock };
}

/** A run as its last checkpoint left it. @throws SsmError FILE where there is none, STATE where another tab has it */
export async function restoredRun(id: string, device: string): Promise<OpenRun> {
  const unlock = await lock(id);
  try {
    const store = await RunStore.open(id);
    if (!store) throw noStorage();
    const { notes, states, text } = await store.read();
    const { settings, stories, textName } = notes;
    if (stories === undefined && text === undefined) throw noStorage();
    const source: TextSource = stories === undefined ? { text: text ?? '' } : { stories };
    const data = await openData(source, settings, tokenizerFromJson(notes.tokenizer));
    const twins = new TwinTrainers(settings, data, states);
    const facts = factsOf({ id, settings, data, source, textName, device }, twins);
    const kept = { stories, textName, tokenizer: notes.tokenizer };
    return { run: new WorkerRun({ facts, twins, store, kept, from: notes }), data, isStarted: false, unlock };
  } catch (error) {
    unlock();
    throw error;
  }
}

interface RunAbout {
  readonly id: string;
  readonly settings: TrainSettings;
  readonly data: TrainingData;
  readonly source: TextSource;
  readonly textName: string;
  readonly device: string;
}

function factsOf({ id, settings, data, source, textName, device }: RunAbout, twins: TwinTrainers): TrainingFacts {
  const textFile = 'text' in source ? fileNameOf(textName) : undefined;
  const from = 'stories' in source ? `stories:${source.stories}` : (textFile as string);
  return {
    id,
    name: settings.name,
    family: settings.family,
    twins: settings.twins,
    device,
    parameters: twins.parameters,
    trainTokens: data.train.length,
    heldOutTokens: data.heldOut.length,
    vocabSize: data.tokenizer.vocabSize,
    samplePrompt: settings.samplePrompt,
    maxSteps: settings.maxSteps,
    options: settings,
    commands: Object.fromEntries(settings.twins.map((twin) => [twin, commandOf(settings, twin, from)])),
    textFile,
  };
}

const fileNameOf = (name: string): string => (/\.\w+$/.test(name) ? name : `${name.replaceAll(/\s+/g, '-')}.txt`);

/** When, and a random part: ids sort by time. */
const newId = (): string =>
  `${new Date()
    .toISOString()
    .replaceAll(/[^0-9]/g, '')
    .slice(0, 14)}-${crypto.randomUUID().slice(0, 8)}`;

interface Locks {
  request(name: string, options: { ifAvailable: boolean }, work: (lock: unknown) => Promise<void> | undefined): Promise<unknown>;
}

/** Keeps other tabs from writing to the same run. @throws SsmError STATE where one has it */
async function lock(id: string): Promise<() => void> {
  const { locks } = (globalThis.navigator ?? {}) as { locks?: Locks };
  if (!locks) return () => undefined;
  return new Promise((resolve, reject) => {
    const request = locks.request(`densessm-run-${id}`, { ifAvailable: true }, (held) => {
      if (held) return new Promise<void>((unlock) => resolve(unlock));
      reject(inOtherTab());
      return undefined;
    });
    request.catch(reject);
  });
}

const inOtherTab = (): SsmError =>
  new SsmError({
    code: 'STATE',
    what: 'The run is open in another tab.',
    expected: 'a run that no other tab writes to',
    got: 'one in use',
    fix: 'close it there, or go on there',
  });

const noStorage = (): SsmError =>
  new SsmError({
    code: 'FILE',
    what: 'The run is no longer there.',
    expected: "its checkpoint and its text in this browser's storage",
    got: 'nothing, or not all: the browser may have removed it',
    fix: 'start it again',
  });
