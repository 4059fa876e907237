/**
 * Checkpoints of runs in the site's own folder. A run has two places and writes to the older one, its account last, so that whatever ends the tab, the
 * newer one is whole.
 */
import { parseSafetensors, serializeSafetensors, tensorValues } from '@densessm/checkpoint';
import { SiteFolder } from '@densessm/runtime-web';
import { SsmError } from '@densessm/ssm-core';
import type { HostTensor, TrainingCounters, TrainingState } from '@densessm/train';
import type { LoggedEvent } from '../../training-log';
import type { SavedRun, Twin } from '../../web/worker-training';
import type { AverageSoFar } from './moving-average';
import type { TrainSettings } from './settings';
import type { PerTwin } from './twins';

const [RUNS, PLACES, ACCOUNT, TEXT] = ['runs', ['a', 'b'], 'run.json', 'text.txt'] as const;
const [PARAMS, OTHERS] = ['params/', 'tensors/'];

/** What a checkpoint is beside its tensors. */
export interface RunNotes {
  readonly settings: TrainSettings;
  /** Characters of stories to train on; undefined where the text lies beside. */
  readonly stories: number | undefined;
  /** What the text was called. */
  readonly textName: string;
  readonly tokenizer: Readonly<Record<string, unknown>>;
  /** Steps after which evaluation and sample were made last. */
  readonly observedAt: number;
  readonly isOver: boolean;
  /** Of the losses of every step, which the events may not have any more. */
  readonly averages: PerTwin<AverageSoFar>;
  readonly events: readonly LoggedEvent[];
}

interface Account extends RunNotes {
  readonly format: 'densessm-page-run-1';
  readonly savedAt: number;
  readonly step: number;
  readonly counters: PerTwin<TrainingCounters>;
  readonly files: Readonly<Record<string, { readonly bytes: number; readonly sha256: string }>>;
}

export interface RestoredRun {
  readonly notes: RunNotes;
  readonly states: PerTwin<TrainingState>;
  readonly text: string | undefined;
}

/** The checkpoints of one run; in memory nothing is kept. */
export class RunStore {
  readonly #folder: SiteFolder;

  private constructor(folder: SiteFolder) {
    this.#folder = folder;
  }

  /** Undefined where the browser has no storage for it. */
  static async open(id: string): Promise<RunStore | undefined> {
    const runs = await SiteFolder.open(RUNS);
    return runs && new RunStore(await runs.folder(id));
  }

  /** Keeps the text of a run, once. @throws SsmError FILE without room */
  async keepText(text: string): Promise<void> {
    await this.#folder.write(TEXT, new Blob([text]));
  }

  /** Writes a checkpoint; bytes written. @throws SsmError FILE without room; the one before stays */
  async save(notes: RunNotes, states: PerTwin<TrainingState>, step: number): Promise<number> {
    const accounts = await Promise.all(PLACES.map((place) => this.#account(place)));
    const older = (accounts[0]?.savedAt ?? 0) <= (accounts[1]?.savedAt ?? 0) ? PLACES[0] : PLACES[1];
    await this.#folder.remove(older);
    const place = await this.#folder.folder(older);
    const files: Record<string, { bytes: number; sha256: string }> = {};
    const counters: PerTwin<TrainingCounters> = {};
    for (const [twin, state] of Object.entries(states) as [Twin, TrainingState][]) {
      const bytes = serializeSafetensors(tensorsOf(state)) as Uint8Array<ArrayBuffer>;
      await place.write(`${twin}.safetensors`, bytes);
      files[`${twin}.safetensors`] = { bytes: bytes.length, sha256: await sha256(bytes) };
      counters[twin] = state.counters;
    }
    const account: Account = { format: 'densessm-page-run-1', ...notes, savedAt: Date.now(), step, counters, files };
    const text = new Blob([JSON.stringify(account)]);
    await place.write(ACCOUNT, text);
    return Object.values(files).reduce((sum, { bytes }) => sum + bytes, text.size);
  }

  /** The newest checkpoint that is whole. @throws SsmError FILE where there is none */
  async read(): Promise<RestoredRun> {
    const found = await Promise.all(PLACES.map(async (place) => ({ place, account: await this.#account(place) })));
    for (const { place, account } of found.sort((a, b) => (b.account?.savedAt ?? 0) - (a.account?.savedAt ?? 0))) {
      const states = account && (await this.#states(place, account));
      if (states) return { notes: account, states, text: await (await this.#folder.read(TEXT))?.text() };
    }
    throw new SsmError({
      code: 'FILE',
      what: 'The run has no checkpoint that is whole.',
      expected: 'files as they were written',
      got: found.some(({ account }) => account) ? 'damaged ones' : 'none: the browser may have removed them',
      fix: 'delete the run and start it again',
    });
  }

  async about(id: string): Promise<SavedRun | undefined> {
    const accounts = (await Promise.all(PLACES.map((place) => this.#account(place)))).filter((one) => one !== undefined);
    const [newest] = accounts.sort((a, b) => b.savedAt - a.savedAt);
    if (!newest) return undefined;
    const sizes = await Promise.all(
      PLACES.map(async (place) => (await (await this.#folder.folder(place)).files()).reduce((sum, { bytes }) => sum + bytes, 0)),
    );
    const text = (await this.#folder.read(TEXT))?.size ?? 0;
    const { name, family, twins, maxSteps } = newest.settings;
    return {
      id,
      name,
      family,
      twins,
      maxSteps,
      step: newest.step,
      savedAt: newest.savedAt,
      bytes: sizes.reduce((sum, one) => sum + one, text),
    };
  }

  async #account(place: string): Promise<Account | undefined> {
    try {
      const json = JSON.parse((await (await (await this.#folder.folder(place)).read(ACCOUNT))?.text()) ?? '') as Account;
      return json.format === 'densessm-page-run-1' ? json : undefined;
    } catch {
      return undefined;
    }
  }

  /** Undefined where a file is not as it was written. */
  async #states(place: string, { files, counters }: Account): Promise<PerTwin<TrainingState> | undefined> {
    const folder = await this.#folder.folder(place);
    const states: PerTwin<TrainingState> = {};
    for (const [name, mark] of Object.entries(files)) {
      const bytes = new Uint8Array((await (await folder.read(name))?.arrayBuffer()) ?? []);
      if (bytes.length !== mark.bytes || (await sha256(bytes)) !== mark.sha256) return undefined;
      const twin = name.replace('.safetensors', '') as Twin;
      states[twin] = stateOf(bytes, counters[twin] as TrainingCounters);
    }
    return states;
  }
}

/** The runs that are kept, newest first. */
export async function savedRuns(): Promise<SavedRun[]> {
  const ids = (await (await SiteFolder.open(RUNS))?.folders()) ?? [];
  const runs = await Promise.all(ids.map(async (id) => (await RunStore.open(id))?.about(id)));
  return runs.filter((run) => run !== undefined).sort((a, b) => b.savedAt - a.savedAt);
}

export async function deleteRun(id: string): Promise<void> {
  await (await SiteFolder.open(RUNS))?.remove(id);
}

const tensorsOf = ({ params, tensors }: TrainingState): Map<string, HostTensor> =>
  new Map([
    ...[...params].map(([name, one]) => [`${PARAMS}${name}`, one] as const),
    ...[...tensors].map(([name, one]) => [`${OTHERS}${name}`, one] as const),
  ]);

function stateOf(bytes: Uint8Array, counters: TrainingCounters): TrainingState {
  const [params, tensors] = [new Map<string, HostTensor>(), new Map<string, HostTensor>()];
  for (const [key, stored] of parseSafetensors(bytes).tensors) {
    const isParam = key.startsWith(PARAMS);
    const name = key.slice(isParam ? PARAMS.length : OTHERS.length);
    (isParam ? params : tensors).set(name, { shape: stored.shape, values: tensorValues(key, stored) as Float32Array | Int32Array });
  }
  return { params, tensors, counters };
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', bytes);
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
