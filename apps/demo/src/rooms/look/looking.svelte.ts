/** What Look inside shows, and where its crosshair is: one place for all panels. */
import { engine } from '../../state/engine.svelte';
import { isAbort, type Trouble, troubleOf } from '../../state/troubles';
import { work } from '../../state/work.svelte';
import { type ExampleId, readPicture } from './examples';
import { type Picture, pictureOf } from './picture';

let picture = $state.raw<Picture | undefined>();
let isRecorded = $state(true);
let isWorking = $state(false);
let isMissing = $state(false);
let trouble = $state.raw<Trouble | undefined>();
let token = $state(0);
let layer = $state(0);
let isClosed = $state(true);
let stopper: AbortController | undefined;
const MOST_TOKENS = 160;

function show(next: Picture, recorded: boolean): void {
  [picture, isRecorded, isMissing] = [next, recorded, false];
  token = mostHit(next);
  layer = next.layers.length - 1;
}

/** The token that closed gates hit hardest, where the eye shall begin; else one near the end. */
function mostHit({ texts, surprise, surpriseClosed }: Picture): number {
  let [best, most] = [Math.max(0, texts.length - 3), 0];
  for (let i = 2; i < texts.length; i++) {
    const difference = (surpriseClosed?.[i] ?? 0) - (surprise[i] ?? 0);
    if (surpriseClosed && difference > most) [best, most] = [i, difference];
  }
  return best;
}

async function showExample(id: ExampleId): Promise<void> {
  stopper?.abort();
  const read = await readPicture(id);
  if (read) show(read, true);
  else isMissing = true;
}

/** Looks with the model in use: as it is, and, where it has gates, with them closed. */
async function look(text: string): Promise<void> {
  stopper?.abort();
  const own = new AbortController();
  stopper = own;
  [isWorking, trouble] = [true, undefined];
  let again = false;
  const done = work.begin('Looking inside', () => own.abort());
  try {
    const model = await engine.ready();
    if (!model || own.signal.aborted) return;
    const options = { lensSize: 3, maxTokens: MOST_TOKENS, signal: own.signal };
    const open = await model.inspect(text, options);
    const closed = model.isDense ? await model.inspect(text, { ...options, parts: ['lens'], closeGates: true }) : undefined;
    const next = await pictureOf(text, open, closed);
    if (stopper === own) show(next, false);
  } catch (error) {
    if (await engine.overcome(error)) again = true;
    else if (!isAbort(error)) trouble = troubleOf(error);
  } finally {
    done();
    if (stopper === own) isWorking = false;
  }
  if (again && stopper === own) await look(text);
}

export const looking = {
  get picture(): Picture | undefined {
    return picture;
  },
  get isRecorded(): boolean {
    return isRecorded;
  },
  get isWorking(): boolean {
    return isWorking;
  },
  get isMissing(): boolean {
    return isMissing;
  },
  get trouble(): Trouble | undefined {
    return trouble;
  },
  get token(): number {
    return token;
  },
  get layer(): number {
    return layer;
  },
  get isClosed(): boolean {
    return isClosed;
  },
  set isClosed(value: boolean) {
    isClosed = value;
  },
  point(nextLayer: number, nextToken: number): void {
    [layer, token] = [nextLayer, nextToken];
  },
  showExample,
  look,
};
