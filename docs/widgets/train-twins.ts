/** Trains a DenseMamba and its plain twin in the visitor's browser, on the same batches, and draws both losses. Loaded when somebody asks for it. */
import wasmUrl from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url';
import { createWorkerClient, type TrainingEvent, type TrainingRun, type Twin } from 'densessm/web';
import { WIDTH } from '../figures/figure';
import { axes, curve, type Frame, legend } from '../figures/plot';

const STEPS = 120;
const TWINS: readonly Twin[] = ['dense', 'plain'];
const NAMES: Readonly<Record<Twin, string>> = { dense: 'DenseMamba', plain: 'Mamba' };
const SETTINGS = { hiddenSize: 48, numHiddenLayers: 3, denseLayers: 1, batchSize: 6, blockSize: 64, maxSteps: STEPS };
const frame: Frame = { left: 44, top: 34, width: 580, height: 200, x: [0, STEPS], y: [0, 4] };

interface Parts {
  readonly picture: Element;
  readonly status: Element;
  readonly samples: Element;
}

/** Begins in `host` and returns what ends it. */
export async function trainTwins(host: HTMLElement): Promise<() => void> {
  const parts: Parts = { picture: add(host, 'div'), status: add(host, 'p'), samples: add(host, 'div') };
  parts.status.setAttribute('role', 'status');
  parts.status.textContent = 'Starting a worker …';
  const worker = () => new Worker(new URL('./engine-worker.ts', import.meta.url), { type: 'module' });
  const client = createWorkerClient({ worker, wasmUrl });
  try {
    const run = await client.train({
      ...SETTINGS,
      text: { kind: 'stories', characters: 200_000 },
      evalInterval: 20,
      sampleInterval: 0,
      saveIntervalMs: 0,
    });
    const losses: Record<Twin, [number, number][]> = { dense: [], plain: [] };
    const tell = (event: TrainingEvent): void => show(event, run, losses, parts);
    for (const event of run.events) tell(event);
    run.listen(tell);
  } catch (error) {
    parts.status.textContent = error instanceof Error ? error.message : String(error);
    client.dispose();
  }
  return () => client.dispose();
}

function show(event: TrainingEvent, run: TrainingRun, losses: Record<Twin, [number, number][]>, { picture, status, samples }: Parts): void {
  if (event.type === 'step') {
    for (const twin of TWINS) losses[twin].push([event.step, Math.min(4, event.twins[twin]?.loss ?? 4)]);
    picture.innerHTML = drawn(losses);
    status.textContent = `Step ${event.step + 1} of ${STEPS}, ${Math.round(event.tokensPerSecond)} tokens per second on ${run.device.split(':')[0]}.`;
  }
  if (event.type === 'sample')
    samples.replaceChildren(...TWINS.map((twin) => paragraph(`${NAMES[twin]}: ${event.prompt}${event.texts[twin] ?? ''}`)));
  if (event.type === 'state' && event.state === 'failed') status.textContent = event.error?.message ?? 'It failed.';
  if (event.type === 'state' && event.state === 'finished') status.textContent = `Done: ${finalLosses(run)}.`;
}

/** The last held-out loss of each. */
function finalLosses({ events }: TrainingRun): string {
  const last = events.findLast((event) => event.type === 'evaluation');
  if (last?.type !== 'evaluation') return `${STEPS} steps`;
  return TWINS.map((twin) => `${NAMES[twin]} ${last.losses[twin]?.toFixed(3)}`)
    .join(', ')
    .concat(' nats per letter on stories that neither has seen');
}

function drawn(losses: Record<Twin, [number, number][]>): string {
  const curves = TWINS.map((twin, i) => curve(frame, losses[twin], i + 1, i === 1));
  const inside = axes(frame, 'step', 'loss, nats per letter') + curves.join('') + legend(TWINS.map((twin) => NAMES[twin]));
  return `<svg viewBox="0 0 ${WIDTH} 270" role="img" aria-label="Training losses of both models">${inside}</svg>`;
}

function add(host: HTMLElement, tag: string): Element {
  const element = document.createElement(tag);
  host.append(element);
  return element;
}

function paragraph(text: string): HTMLElement {
  const element = document.createElement('p');
  element.textContent = text;
  return element;
}
