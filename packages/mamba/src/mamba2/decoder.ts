/**
 * Mamba-2 and Dense Mamba-2 for one token: the equations of mixer.ts on packed weights, without tfjs.
 * Letters: B texts, D hidden size, E channels = H heads × P per head, G groups of heads, N state size, W convolution width.
 */
import type { Decoder, DecoderOptions } from '@densessm/ssm-core';
import { backboneDecoder, type PackLayer, packGate, projection, type Shared } from '../decoder';
import { gatedNormSize, type Mamba2Config } from './config';
import { convSize, type Mamba2MixerParams, type Mamba2Params } from './spec';
import { type Mamba2State, stateShapes } from './state';

/**
 * Reads Mamba-2 and Dense Mamba-2 token by token on tfjs's wasm backend. Undefined on others, and for dense connections other than sums in the
 * state with a gate for all sources (the default).
 * @throws SsmError OPTION, WEIGHTS or BACKEND
 */
export const mamba2Decoder = (
  params: Mamba2Params,
  config: Mamba2Config,
  options: DecoderOptions,
): Promise<Decoder<Mamba2State> | undefined> =>
  backboneDecoder('mamba2Decoder', params, config, options, stateShapes(config, options.batch), packLayers);

function packLayers(shared: Shared, c: Mamba2Config): PackLayer<Mamba2MixerParams> {
  const { work, batch, type, hidden, x } = shared;
  const { innerSize: E, stateSize: N, convKernel: W, numHeads: H, nGroups: G } = c;
  const channels = convSize(c);
  /** z, then what is convolved, then dt. */
  const width = E + channels + H;
  const rows = (size: number): number => work.floats(batch * size);
  const [projected, mixed, delta, decay, o] = [rows(width), rows(channels), rows(H), rows(H), rows(E)];
  const sizes = { batch, heads: H, groups: G, keys: N, values: c.headDim };
  /** u, B and C side by side. */
  const read = { q: mixed + 4 * (E + G * N), k: mixed + 4 * E, stride: channels, v: mixed, vStride: channels, scale: delta, decay, o };
  const steps = { x: projected + 4 * (E + channels), stride: width, limits: c.timeStepLimit, delta, decay, batch, heads: H };
  const norm = { size: gatedNormSize(c), inside: !c.normBeforeGate };

  return async (mixer, sources) => {
    const [conv, ssm] = [rows(channels * (W - 1)), rows(E * N)];
    const filter = { w: await work.copyOf(mixer.conv1d.weight), bias: await work.copyOf(mixer.conv1d.bias) };
    const aLog = (await mixer.aLog.data()) as Float32Array;
    const rate = { bias: await work.copyOf(mixer.dtBias), A: work.floats(aLog.map((value) => -Math.exp(value) * Math.LOG2E)) };
    const [skip, gain] = [await work.copyOf(mixer.D), await work.copyOf(mixer.norm)];

    const gate = await packGate(shared, mixer.dense, sources);
    work.products(batch, [await projection(shared, mixer.inProj, type, { x, y: projected }), ...gate.first]);
    work.convolution({ x: projected + 4 * E, ...filter, tail: conv, y: mixed }, { stride: width, batch, channels, width: W });
    work.timeSteps({ ...steps, ...rate });
    work.products(batch, gate.second);
    work.decay({ ...read, ...gate.read, skip, state: ssm, ...sizes });
    for (let row = 0; row < batch; row++) {
      const [at, z] = [o + 4 * row * E, projected + 4 * row * width];
      work.rmsNorm(at, gain, at, 1, E, c.layerNormEpsilon, { ...norm, gate: z });
    }
    work.products(batch, [await projection(shared, mixer.outProj, type, { x: o, y: hidden, add: true })]);
    return { conv, ssm };
  };
}
