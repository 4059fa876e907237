/** The tree of Snapshots: a text that was read once, and continuations that were forked from its state. */
import type { WorkerModel, WorkerSession } from 'densessm/web';
import { saveFile } from '../../state/copy';
import { type Choice, engine, isSameModel } from '../../state/engine.svelte';
import { isAbort, type Trouble, troubleOf } from '../../state/troubles';
import { beginWork } from '../../state/work';
import { LONG_TEXT } from './long-text';

export interface Node {
  readonly id: number;
  readonly parent: number | undefined;
  /** What was read or written at this node, beyond its parent. */
  readonly text: string;
  /** What was read before it was written: a question, say. */
  readonly asked: string;
  readonly tokens: number;
  /** Seconds of reading, of the first node. */
  readonly seconds: number;
  readonly bytes: Uint8Array;
}

/** What is to be read, what is asked after it, and how that is drawn and shown. */
export const input = $state({ text: LONG_TEXT, asked: 'What did Ralph like to eat?', seed: 1, isComparing: false });

let nodes = $state.raw<readonly Node[]>([]);
let chosen = $state.raw<readonly number[]>([]);
let draft = $state('');
let busy = $state<string | undefined>();
let trouble = $state.raw<Trouble | undefined>();
/** The model whose states these are, whatever device it is on. */
let owner = $state.raw<Choice | undefined>();
let nextId = 1;
let stopper: AbortController | undefined;
const stop = (): void => stopper?.abort();

/** Of each node, on the device that is in use; they go with a device that is lost, and are made again of the node's bytes. */
const sessions = new Map<number, { readonly model: WorkerModel; readonly session: WorkerSession }>();

async function sessionOf(node: Node, model: WorkerModel): Promise<WorkerSession> {
  const known = sessions.get(node.id);
  if (known?.model === model) return known.session;
  const session = await model.restoreSession(node.bytes);
  sessions.set(node.id, { model, session });
  return session;
}

async function doing(label: string, task: (model: WorkerModel, signal: AbortSignal) => Promise<void>): Promise<void> {
  if (busy) return;
  stopper = new AbortController();
  const { signal } = stopper;
  const done = beginWork(stop);
  [busy, trouble] = [label, undefined];
  const attempt = async () => {
    const model = await engine.ready(signal);
    if (model) await task(model, signal);
  };
  try {
    await attempt().catch(async (error: unknown) => {
      if (!(await engine.overcome(error))) throw error;
      draft = '';
      await attempt();
    });
  } catch (error) {
    if (!isAbort(error)) trouble = troubleOf(error);
  } finally {
    done();
    [busy, draft] = [undefined, ''];
  }
}

/** What a download of a node is called. */
export const fileOf = ({ id }: Pick<Node, 'id'>): string => `text-${id}.session`;

/** A question stands on a line of its own, where neither it nor the text before it leaves room. */
export const apart = (before: string, asked: string): string =>
  asked === '' || /\s$/.test(before) || /^\s/.test(asked) ? asked : `\n\n${asked}`;

async function add(model: WorkerModel, session: WorkerSession, about: Pick<Node, 'parent' | 'text' | 'asked' | 'seconds'>): Promise<void> {
  const bytes = await session.snapshot();
  const node: Node = { ...about, id: nextId++, tokens: session.tokenCount, bytes };
  sessions.set(node.id, { model, session });
  nodes = [...nodes, node];
  chosen = [node.id];
}

/** What a new session comes to; it goes with what fails. */
async function using(session: WorkerSession, task: () => Promise<unknown>): Promise<void> {
  try {
    await task();
  } catch (error) {
    session.dispose();
    throw error;
  }
}

/** Empties the tree, for states of another text or model. */
function clear(): void {
  for (const { session } of sessions.values()) session.dispose();
  sessions.clear();
  [nodes, chosen] = [[], []];
}

/** Reads a text from its start: the first node. */
const read = (text: string): Promise<void> =>
  doing('Reading', async (model, signal) => {
    const { choice } = engine;
    const session = await model.session();
    const began = performance.now();
    await using(session, () => session.append(text, { signal }));
    clear();
    owner = choice;
    await add(model, session, { parent: undefined, text, asked: '', seconds: (performance.now() - began) / 1000 });
  });

/** Opens a snapshot's bytes as a node of its own. */
const restore = (name: string, bytes: Uint8Array): Promise<void> =>
  doing('Opening', async (model) => {
    const { choice } = engine;
    const session = await model.restoreSession(bytes);
    if (!isSameModel(owner, choice)) clear();
    owner = choice;
    await add(model, session, { parent: undefined, text: name, asked: '', seconds: 0 });
  });

/** Forks a node, reads what is asked, writes on. */
const continueFrom = (id: number, asked: string, seed: number, maxTokens: number): Promise<void> =>
  doing('Writing', async (model, signal) => {
    const from = nodes.find((node) => node.id === id);
    if (!from) return;
    const question = apart(from.text, asked);
    const session = await (await sessionOf(from, model)).fork();
    await using(session, async () => {
      if (question) await session.append(question, { signal });
      for await (const { text } of session.stream({ maxTokens, temperature: 0.8, topP: 0.95, seed, signal })) draft += text;
    });
    await add(model, session, { parent: id, text: draft, asked: question, seconds: 0 });
  });

/** A click chooses one; with a second one they are compared. */
function choose(id: number, also: boolean): void {
  if (!also || chosen.length === 0) chosen = [id];
  else if (chosen.includes(id)) chosen = chosen.length > 1 ? chosen.filter((one) => one !== id) : chosen;
  else chosen = [...chosen, id].slice(-2);
}

/** All that stands before and at a node. */
function textOf(id: number | undefined): string {
  const node = nodes.find((one) => one.id === id);
  return node ? textOf(node.parent) + node.asked + node.text : '';
}

export const tree = {
  get nodes(): readonly Node[] {
    return nodes;
  },
  get chosen(): readonly Node[] {
    return chosen.flatMap((id) => nodes.filter((node) => node.id === id));
  },
  get draft(): string {
    return draft;
  },
  get busy(): string | undefined {
    return busy;
  },
  get trouble(): Trouble | undefined {
    return trouble;
  },
  get isOfOtherModel(): boolean {
    return nodes.length > 0 && engine.model !== undefined && !isSameModel(owner, engine.choice);
  },
  read,
  restore,
  continueFrom,
  choose,
  stop,
  textOf,
  download: ({ id, bytes }: Node): void => saveFile(fileOf({ id }), bytes as Uint8Array<ArrayBuffer>),
};
