import { closedGates, type DenseConfig, denseSources } from '@densessm/dense-connect';
import { type AnyModel, disposeTree, type LayerGate, mapTree, type ScanReading, SsmError, tidyTree } from '@densessm/ssm-core';
import { clone, keep, slice, type Tensor, type Tensor3D } from '@tensorflow/tfjs-core';
import { decayTrace } from './decay';
import { surpriseOf, topCandidates } from './lens';
import type { HostReading, ScanTrace } from './scan-trace';
import { selectiveTrace } from './selective';
import type { GateTrace, LayerTrace, Trace } from './trace';

/** What can be computed besides the tokens' surprise. */
export const PARTS = ['state', 'forgetting', 'gates', 'attention', 'lens'] as const;
export type Part = (typeof PARTS)[number];

export interface InspectOptions {
  /** Closes every dense gate: what the model computes without its connections. Default false. */
  closeGates?: boolean;
  /** Candidates of the logit lens. Default 5. */
  lensSize?: number;
  /** Which parts to compute; arrays of others are empty. Default: all. */
  parts?: readonly Part[];
  /** Ends it between two layers with its reason. */
  signal?: AbortSignal;
}

/** A model with its weights, on the current backend. */
export interface InspectedModel {
  readonly model: AnyModel;
  readonly config: object;
  readonly params: object;
}

const EMPTY = new Float32Array(0);

/**
 * Looks inside a model while it reads a text from its start: a plain pass through the model's own functions, and arithmetic on the host.
 * Leaves no tensor behind.
 * @throws SsmError TOKENS for ids outside the vocabulary or none, OPTION for options without meaning; the reason of the signal
 */
export async function inspect(
  { model, config, params }: InspectedModel,
  tokens: ArrayLike<number>,
  options: InspectOptions = {},
): Promise<Trace> {
  const { closeGates = false, lensSize = 5, parts = PARTS, signal } = options;
  checkOptions(lensSize, parts);
  const ids = Int32Array.from(tokens);
  const pass = readText(model, config, params, ids, closeGates);
  try {
    const wants = new Set(parts);
    const last = await candidatesOf(model, config, params, pass.layers.at(-1), ids, { size: 0, signal });
    const layers: LayerTrace[] = [];
    for (let layer = 0; layer < pass.layers.length; layer++) {
      await turn(signal);
      const scan = await scanOf(pass.readings[layer], wants);
      const lens = wants.has('lens')
        ? await candidatesOf(model, config, params, pass.layers[layer], ids, { size: lensSize, signal })
        : { ids: new Int32Array(0), logprobs: EMPTY, surprise: EMPTY };
      layers.push({
        ...scan,
        layer,
        sources: sourcesOf(config, layer),
        gates: wants.has('gates') ? await gateTraces(pass.gates, layer, ids.length) : [],
        lens: { ids: lens.ids, logprobs: lens.logprobs },
        lensSurprise: lens.surprise,
      });
    }
    const surprise = Float32Array.of(Number.NaN, ...last.surprise.subarray(0, ids.length - 1));
    return { modelType: model.modelType, tokens: ids, gatesClosed: closeGates, surprise, lensSize, layers };
  } finally {
    disposeTree(pass);
  }
}

interface Pass {
  /** Output of each layer, [1, T, D]. */
  readonly layers: Tensor3D[];
  readonly readings: (ScanReading | undefined)[];
  readonly gates: LayerGate[];
}

/** One pass over the text, and one more for the gates. */
function readText(model: AnyModel, config: object, params: object, ids: Int32Array, closeGates: boolean): Pass {
  const readings: ScanReading[] = [];
  const onScan = (layer: number, reading: ScanReading): void => {
    readings[layer] = mapTree(reading, (tensor) => keep(clone(tensor)));
  };
  const { layers, gates } = tidyTree(() => {
    const used = closeGates ? closedGates(params) : params;
    const text = [[...ids]];
    const states = model.hiddenStates(used, config, text, { logits: 'none', onScan });
    return { layers: states.layers, gates: model.gates?.(used, config, text) ?? [] };
  });
  return { layers, gates, readings };
}

/** Arrays of a reading's tensors, and what they show. */
async function scanOf(reading: ScanReading | undefined, wants: ReadonlySet<Part>): Promise<ScanTrace> {
  if (reading === undefined) return { stateNorm: EMPTY, kept: EMPTY, halfLife: EMPTY, attention: EMPTY };
  const { kind, ...tensors } = reading;
  const arrays: Record<string, HostReading> = {};
  for (const [name, tensor] of Object.entries<Tensor>(tensors))
    arrays[name] = { shape: tensor.shape, values: (await tensor.data()) as Float32Array };
  const trace = kind === 'selective' ? selectiveTrace(arrays as never, wants) : decayTrace(arrays as never, wants);
  return trace;
}

async function gateTraces(gates: readonly LayerGate[], layer: number, length: number): Promise<GateTrace[]> {
  const traces: GateTrace[] = [];
  for (const { name, values: tensor } of gates.filter((one) => one.layer === layer)) {
    const values = Float32Array.from(await tensor.data());
    const width = values.length / length;
    const strength = Float32Array.from({ length }, (_, t) => {
      const row = values.subarray(t * width, (t + 1) * width);
      return row.reduce((sum, value) => sum + Math.abs(value), 0) / width;
    });
    traces.push({ name, width, values, strength });
  }
  return traces;
}

/** Tokens whose logits lie on the host at a time. */
const LENS_ROWS = 32;

async function candidatesOf(
  model: AnyModel,
  config: object,
  params: object,
  hidden: Tensor3D | undefined,
  ids: Int32Array,
  { size, signal }: { size: number; signal: AbortSignal | undefined },
): Promise<{ ids: Int32Array; logprobs: Float32Array; surprise: Float32Array }> {
  const found = {
    ids: new Int32Array(ids.length * size),
    logprobs: new Float32Array(ids.length * size),
    surprise: new Float32Array(ids.length),
  };
  for (let from = 0; hidden && from < ids.length; from += LENS_ROWS) {
    await turn(signal);
    const count = Math.min(LENS_ROWS, ids.length - from);
    const logits = tidyTree(() => logitsOf(model, params, config, slice3d(hidden, from, count)));
    const values = (await logits.data()) as Float32Array;
    logits.dispose();
    const vocabSize = values.length / count;
    for (let row = 0; row < count; row++) {
      const logits = values.subarray(row * vocabSize, (row + 1) * vocabSize);
      const t = from + row;
      topCandidates(logits, found.ids.subarray(t * size, (t + 1) * size), found.logprobs.subarray(t * size, (t + 1) * size));
      found.surprise[t] = surpriseOf(logits, ids[t + 1]);
    }
  }
  return found;
}

/** @throws SsmError MODEL for a model that cannot be asked in the middle */
function logitsOf(model: AnyModel, params: object, config: object, hidden: Tensor3D): Tensor3D {
  if (model.logitsOf) return model.logitsOf(params, config, hidden);
  const what = `inspect: ${model.modelType} tells no logits of single layers.`;
  throw new SsmError({ code: 'MODEL', what, expected: 'a model with `logitsOf`', got: 'none', fix: 'add it to the model' });
}

const slice3d = (x: Tensor3D, from: number, count: number): Tensor3D => slice(x, [0, from, 0], [1, count, x.shape[2]]);

function sourcesOf(config: object, layer: number): number[] {
  const { dense } = config as { dense?: DenseConfig };
  return dense ? denseSources(dense, layer) : [];
}

/** Lets others have their turn, so that an abort gets through. */
async function turn(signal: AbortSignal | undefined): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve));
  signal?.throwIfAborted();
}

function checkOptions(lensSize: number, parts: readonly string[]): void {
  const bad = (name: string, expected: string, got: unknown): SsmError =>
    new SsmError({
      code: 'OPTION',
      what: `inspect: \`${name}\` has no meaning.`,
      expected,
      got: String(got),
      fix: 'correct it, or leave it out',
    });
  if (!Number.isInteger(lensSize) || lensSize < 0) throw bad('lensSize', 'a whole number from 0', lensSize);
  const unknown = parts.find((part) => !PARTS.some((known) => known === part));
  if (unknown !== undefined) throw bad('parts', PARTS.join(', '), unknown);
}
