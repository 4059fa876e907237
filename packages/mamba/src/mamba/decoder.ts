import { DecodeWorkspace, type PackedLinear } from '@densessm/kernels';
import { type Decoder, type DecoderOptions, SsmError, tidyTree } from '@densessm/ssm-core';
import { tensor3d } from '@tensorflow/tfjs-core';
import { checkState } from '../backbone';
import type { MambaConfig } from './config';
import { type Buffers, type DecoderLayer, packLayer, stepLayer } from './decoder-layer';
import type { MambaParams } from './spec';
import { type MambaState, stateShapes } from './state';

/**
 * Reads Mamba and DenseMamba token by token on tfjs's wasm backend. Undefined on others, and for dense connections other than sums in the
 * state with a gate for all sources (the default).
 * @throws SsmError OPTION, WEIGHTS or BACKEND
 */
export async function mambaDecoder(
  params: MambaParams,
  config: MambaConfig,
  options: DecoderOptions,
): Promise<Decoder<MambaState> | undefined> {
  if (!DecodeWorkspace.isPossible() || !hasFastConnections(config)) return undefined;
  if (!Number.isInteger(options.batch) || options.batch < 1) throw badBatch(options.batch);
  const work = new DecodeWorkspace();
  try {
    const layers: DecoderLayer[] = [];
    for (const layer of params.layers) layers.push(await packLayer(work, layer, config, options, layers));
    const embeddings = await work.matrix(params.embeddings, { type: options.weights ?? 'f32' });
    const head = params.lmHead ? await work.matrix(params.lmHead, { type: options.weights ?? 'f32' }) : embeddings;
    const normF = await work.copyOf(params.normF);
    return new MambaDecoder(work, config, options.batch, { layers, embeddings, head, normF });
  } catch (error) {
    work.dispose();
    throw error;
  }
}

function hasFastConnections({ dense }: MambaConfig): boolean {
  if (dense === undefined) return true;
  return dense.fuses === 'state' && dense.fusion === 'add' && dense.projection === 'identity' && !dense.gatePerSource;
}

interface Packed {
  layers: readonly DecoderLayer[];
  embeddings: PackedLinear;
  head: PackedLinear;
  normF: number;
}

function makeBuffers(work: DecodeWorkspace, c: MambaConfig, batch: number): Buffers {
  const rows = (width: number): number => work.floats(batch * width);
  const [hidden, x] = [rows(c.hiddenSize), rows(c.hiddenSize)];
  const [u, delta, gate, y] = [rows(c.innerSize), rows(c.innerSize), rows(c.innerSize), rows(c.innerSize)];
  const [selection, middle] = [rows(c.timeStepRank + 2 * c.stateSize), rows(c.dense?.gateRank ?? 0)];
  return { hidden, x, xz: rows(2 * c.innerSize), u, selection, delta, gate, y, middle };
}

class MambaDecoder implements Decoder<MambaState> {
  readonly #work: DecodeWorkspace;
  readonly #config: MambaConfig;
  readonly #batch: number;
  readonly #packed: Packed;
  readonly #at: Buffers;
  readonly #logits: number;
  #isDisposed = false;

  constructor(work: DecodeWorkspace, config: MambaConfig, batch: number, packed: Packed) {
    this.#work = work;
    this.#config = config;
    this.#batch = batch;
    this.#packed = packed;
    this.#at = makeBuffers(work, config, batch);
    this.#logits = work.floats(batch * config.vocabSize);
  }

  step(ids: ArrayLike<number>): Float32Array {
    this.#refuseDisposed();
    const { hiddenSize, vocabSize, layerNormEpsilon } = this.#config;
    checkIds(ids, this.#batch, vocabSize);
    const [work, batch, at] = [this.#work, this.#batch, this.#at];
    const { layers, embeddings, head, normF } = this.#packed;
    for (let row = 0; row < batch; row++) work.view(at.hidden + 4 * row * hiddenSize, hiddenSize).set(embeddings.row(ids[row] as number));
    for (const layer of layers) stepLayer(work, layer, at, this.#config, batch);
    work.rmsNorm(at.hidden, normF, at.x, batch, hiddenSize, layerNormEpsilon);
    head.run(at.x, this.#logits, batch);
    return work.view(this.#logits, batch * vocabSize).slice();
  }

  async load(state: MambaState): Promise<void> {
    this.#refuseDisposed();
    const { numHiddenLayers } = this.#config;
    const rows = Array.from({ length: this.#batch }, () => [0]);
    checkState('mambaDecoder', state, numHiddenLayers, (batch) => stateShapes(this.#config, batch), rows);
    // all of it is read before any of it is replaced
    const values = await Promise.all(state.layers.flatMap(({ conv, ssm }) => [conv.data(), ssm.data()]));
    this.#refuseDisposed();
    const places = this.#packed.layers.flatMap(({ conv, ssm }) => [conv, ssm]);
    for (const [i, place] of places.entries()) this.#work.view(place, (values[i] as Float32Array).length).set(values[i] as Float32Array);
  }

  state(): MambaState {
    this.#refuseDisposed();
    const { conv, ssm } = stateShapes(this.#config, this.#batch);
    const copy = (address: number, shape: readonly number[]) => {
      const [batch, channels, size] = shape as [number, number, number];
      return tensor3d(this.#work.view(address, batch * channels * size).slice(), [batch, channels, size]);
    };
    return tidyTree(() => ({ layers: this.#packed.layers.map((layer) => ({ conv: copy(layer.conv, conv), ssm: copy(layer.ssm, ssm) })) }));
  }

  dispose(): void {
    this.#isDisposed = true;
    this.#work.dispose();
  }

  #refuseDisposed(): void {
    if (!this.#isDisposed) return;
    throw new SsmError({
      code: 'STATE',
      what: 'mambaDecoder: the decoder was disposed of.',
      expected: 'a decoder that owns its memory',
      got: 'a freed one',
      mend: 'make a new one from the params',
    });
  }
}

function checkIds(ids: ArrayLike<number>, batch: number, vocabSize: number): void {
  const bad = Array.from(ids).find((id) => !Number.isInteger(id) || id < 0 || id >= vocabSize);
  if (bad === undefined && ids.length === batch) return;
  throw new SsmError({
    code: 'TOKENS',
    what: 'mambaDecoder: these tokens cannot be read.',
    expected: `${batch} whole numbers from 0 to ${vocabSize - 1}, one for each text`,
    got: bad === undefined ? `${ids.length} tokens` : String(bad),
    mend: "encode the text with this model's own tokenizer",
  });
}

const badBatch = (batch: number): SsmError =>
  new SsmError({
    code: 'OPTION',
    what: 'mambaDecoder: `batch` cannot be used.',
    expected: 'a whole number from 1',
    got: String(batch),
    mend: 'say how many texts are read side by side',
  });
