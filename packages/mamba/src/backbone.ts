/**
 * What surrounds the mixers, the same in Mamba and Mamba-2: embedding, then layers x + mixer(norm(x)), norm, head.
 * Letters in shapes: B batch, T time, D hidden size, E channels inside a mixer, W width of the convolution.
 */
import { denseSources } from '@densessm/dense-connect';
import { embedding, linear, rmsNorm } from '@densessm/kernels';
import {
  checkpointed,
  documentStartsTensor,
  type ForwardOptions,
  type HiddenStates,
  headInput,
  refuseDisposed,
  type ScanReading,
  SsmError,
  type TokenIds,
  tidyTree,
  tokenTensor,
} from '@densessm/ssm-core';
import { lastToken } from '@densessm/ssm-core/internal';
import { add, fill, type Tensor, type Tensor1D, type Tensor2D, type Tensor3D } from '@tensorflow/tfjs-core';
import type { BackboneConfig } from './backbone-config';

/** What one layer carries in time: nothing else, with or without dense connections. */
export interface LayerState<Ssm extends Tensor> {
  /** The last W − 1 inputs of the convolution, newest last, [B, channels, W−1]. */
  conv: Tensor3D;
  /** The raw state h. */
  ssm: Ssm;
}
export interface BackboneState<Ssm extends Tensor> {
  layers: LayerState<Ssm>[];
}

export interface BackboneParams<Mixer> {
  embeddings: Tensor2D;
  layers: { norm: Tensor1D; mixer: Mixer }[];
  normF: Tensor1D;
  lmHead: Tensor2D | undefined;
}

export interface MixerInputs<Shown, Ssm extends Tensor> {
  /** The layer's normed input, [B, T, D]. */
  x: Tensor3D;
  /** Undefined before the first token. */
  state: LayerState<Ssm> | undefined;
  /** What the layers show that this one reads, oldest first. */
  sources: readonly Shown[];
  /** How many deeper layers read this one. */
  readers: number;
  /** 1 at tokens before which the state starts anew, else 0, [B, T]; undefined where it never does. */
  documentStarts: Tensor2D | undefined;
  chunkSize: number | undefined;
  /** Hears what the scan reads, where someone looks inside. */
  onScan: ((reading: ScanReading) => void) | undefined;
  /** Whether only the output of the last token is asked for. */
  lastOnly: boolean;
}

export interface MixerOutputs<Shown, Ssm extends Tensor> {
  /** [B, T, D], or [B, 1, D]. */
  y: Tensor3D;
  /** What deeper layers read, for each of them: the inputs of this layer's scan, which are its state in another form. */
  shown: readonly Shown[];
  state: LayerState<Ssm>;
}

/** A mixer as a pure function of its tensors. */
export type Mixer<M, C, Shown, Ssm extends Tensor> = (params: M, c: C, inputs: MixerInputs<Shown, Ssm>) => MixerOutputs<Shown, Ssm>;

export interface BackboneCall<Ssm extends Tensor> {
  /** Names the caller in errors. */
  where: string;
  tokens: TokenIds;
  options?: ForwardOptions;
  state?: BackboneState<Ssm>;
  /** Whether `layers` and `final` are not asked for: then the last layer makes no more of them than the logits need. */
  logitsOnly?: boolean;
}

/** What one layer computes from, and gives gradients to. */
interface LayerInputs<M, Shown, Ssm extends Tensor> {
  layer: BackboneParams<M>['layers'][number];
  /** Output of the layer below, [B, T, D]. */
  x: Tensor3D;
  state: LayerState<Ssm> | undefined;
  sources: readonly Shown[];
}
type LayerConstants = Pick<MixerInputs<never, never>, 'documentStarts'>;

interface LayerOutputs<Shown, Ssm extends Tensor> {
  x: Tensor3D;
  /** For each layer that reads it, nearest first. */
  shown: readonly Shown[];
  state: LayerState<Ssm>;
}

/** The weights of the head, [vocab, D]. */
export const headOf = ({ lmHead, embeddings }: Pick<BackboneParams<unknown>, 'lmHead' | 'embeddings'>): Tensor2D => lmHead ?? embeddings;

/** Runs the whole model over some tokens, from the start of a text or from a state. Makes tensors: call it inside a tidy. */
export function runBackbone<M, C extends BackboneConfig, Shown, Ssm extends Tensor>(
  params: BackboneParams<M>,
  c: C,
  mixer: Mixer<M, C, Shown, Ssm>,
  { where, tokens, options = {}, state, logitsOnly = false }: BackboneCall<Ssm>,
): HiddenStates & { state: BackboneState<Ssm> } {
  const ids = tokenTensor(where, tokens, c.vocabSize);
  refuseDisposed(where, params, 'params');
  refuseDisposed(where, state, 'states');
  const embeddings = embedding({ ids, w: params.embeddings });
  const documentStarts = documentStartsTensor(where, options, ids);
  const done = runLayers(params.layers, c, mixer, { x: embeddings, documentStarts, options, state, logitsOnly });
  const layers = done.map(({ x }) => x);
  const final = rmsNorm({ x: layers.at(-1) ?? embeddings, weight: params.normF }, { eps: c.layerNormEpsilon });
  const read = headInput(where, final, options);
  const logits = options.logits === 'none' ? read : linear({ x: read, w: headOf(params) });
  return { embeddings, layers, final, logits, state: { layers: done.map((outputs) => outputs.state) } };
}

export interface LayersCall<Ssm extends Tensor> extends Pick<BackboneCall<Ssm>, 'state' | 'logitsOnly'> {
  /** What the first layer reads, [B, T, D]. */
  x: Tensor3D;
  documentStarts: Tensor2D | undefined;
  options: ForwardOptions;
}

/** Runs the layers, each on the output of the one below. Makes tensors: call it inside a tidy. */
export function runLayers<M, C extends BackboneConfig, Shown, Ssm extends Tensor>(
  layers: BackboneParams<M>['layers'],
  c: C,
  mixer: Mixer<M, C, Shown, Ssm>,
  { x: input, documentStarts, options, state, logitsOnly = false }: LayersCall<Ssm>,
): LayerOutputs<Shown, Ssm>[] {
  const eps = c.layerNormEpsilon;
  const reads = layers.map((_, l) => (c.dense ? denseSources(c.dense, l) : []));
  const readersOf = (layer: number): number[] => [...reads.keys()].filter((reader) => reads[reader]?.includes(layer));
  const done: LayerOutputs<Shown, Ssm>[] = [];
  for (const [l, layer] of layers.entries()) {
    const lastOnly = logitsOnly && options.logits === 'last' && l === layers.length - 1;
    const run = (some: LayerInputs<M, Shown, Ssm>, shared: LayerConstants): LayerOutputs<Shown, Ssm> =>
      tidyTree(() => {
        const x = rmsNorm({ x: some.x, weight: some.layer.norm }, { eps });
        const readers = readersOf(l).length;
        const call = { ...shared, readers, chunkSize: options.chunkSize, onScan: options.onScan?.bind(undefined, l), lastOnly };
        const { y, ...others } = mixer(some.layer.mixer, c, { ...some, ...call, x });
        return { x: add<Tensor3D>(lastOnly ? lastToken(some.x) : some.x, y), ...others };
      });
    const sources = (reads[l] as number[]).map((source) => done[source]?.shown[readersOf(source).indexOf(l)] as Shown);
    const inputs = { layer, x: done.at(-1)?.x ?? input, state: state?.layers[l], sources };
    done.push(options.recompute ? checkpointed(run, inputs, { documentStarts }) : run(inputs, { documentStarts }));
  }
  return done;
}

export interface StateShapes {
  readonly conv: readonly [number, number, number];
  readonly ssm: readonly number[];
}

/** The state before the first token, made on the device: `zeros` would bring it there. */
export const emptyState = <Ssm extends Tensor>(layers: number, { conv, ssm }: StateShapes): BackboneState<Ssm> => ({
  layers: Array.from({ length: layers }, () => ({ conv: fill([...conv], 0), ssm: fill([...ssm], 0) as Tensor as Ssm })),
});

/** @throws SsmError STATE where a state was made by another model or for another number of texts than `tokens` has. */
export function checkState(
  where: string,
  state: BackboneState<Tensor>,
  layers: number,
  shapesOf: (batch: number) => StateShapes,
  tokens: TokenIds,
): void {
  const shapes = shapesOf('dtype' in tokens ? tokens.shape[0] : tokens.length);
  const problem = (expected: string, got: string): SsmError =>
    new SsmError({
      code: 'STATE',
      what: `${where}: the state does not fit.`,
      expected,
      got,
      fix: 'start from initialState(config, batch) of the same model, and keep the number of texts',
    });
  if (state.layers?.length !== layers) throw problem(`layers.length ${layers}`, String(state.layers?.length ?? 'no layers'));
  for (const [l, layer] of state.layers.entries()) {
    for (const part of ['conv', 'ssm'] as const) {
      const [want, got] = [`[${shapes[part].join(', ')}]`, described(layer[part])];
      if (want !== got) throw problem(`layers[${l}].${part} ${want}`, got);
    }
  }
}

const described = (tensor: Tensor | undefined): string =>
  tensor === undefined ? 'nothing' : tensor.isDisposed ? 'a tensor that was disposed of' : `[${tensor.shape.join(', ')}]`;
