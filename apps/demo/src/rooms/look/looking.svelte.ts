/** What Look inside shows, and where its crosshair is: one place for all panels. */
import { engine } from '../../state/engine.svelte';
import { isAbort, type Trouble, troubleOf } from '../../state/troubles';
import { beginWork } from '../../state/work';
import { EXAMPLES, type ExampleId, readPicture } from './examples';
import { type Picture, pictureOf } from './picture';

let text = $state<string>(EXAMPLES[0].text);
let example = $state<ExampleId | undefined>();
let picture = $state.raw<Picture | undefined>();
/** Tokens of the text that the picture is of, which may show only its beginning. */
let tokens = $state(0);
let isRecorded = $state(true);
let isWorking = $state(false);
let isMissing = $state(false);
let trouble = $state.raw<Trouble | undefined>();
let token = $state(0);
let layer = $state(0);
let isClosed = $state(true);
let stopper: AbortController | undefined;
const MOST_TOKENS = 160;

function show(next: Picture, recorded: boolean, length: number): void {
  [picture, isRecorded, isMissing, tokens] = [next, recorded, false, length];
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
  stop();
  const found = EXAMPLES.find((one) => one.id === id) ?? EXAMPLES[0];
  [example, text] = [found.id, found.text];
  const read = await readPicture(found.id);
  if (example !== found.id) return;
  if (read) show(read, true, read.texts.length);
  else isMissing = true;
}

/** Looks with the model in use: as it is, and, where it has gates, with them closed. */
async function look(): Promise<void> {
  stop();
  const own = new AbortController();
  const looked = text;
  stopper = own;
  [isWorking, trouble, example] = [true, undefined, undefined];
  let again = false;
  const done = beginWork(() => own.abort());
  try {
    const model = await engine.ready(own.signal);
    if (!model) return;
    const options = { lensSize: 3, maxTokens: MOST_TOKENS, signal: own.signal };
    const open = await model.inspect(looked, options);
    const closed = model.isDense ? await model.inspect(looked, { ...options, parts: ['lens'], closeGates: true }) : undefined;
    const next = await pictureOf(looked, open, closed);
    const { length } = await model.encode(looked);
    if (stopper === own && !own.signal.aborted) show(next, false, length);
  } catch (error) {
    if (await engine.overcome(error)) again = true;
    else if (!isAbort(error)) trouble = troubleOf(error);
  } finally {
    done();
    if (stopper === own) isWorking = false;
  }
  if (again && stopper === own) await look();
}

const stop = (): void => stopper?.abort();

export const looking = {
  get text(): string {
    return text;
  },
  set text(next: string) {
    [text, example] = [next, undefined];
  },
  /** Whose text it is; undefined for one's own. */
  get example(): ExampleId | undefined {
    return example;
  },
  get tokens(): number {
    return tokens;
  },
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
  stop,
};
