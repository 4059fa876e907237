/**
 * Mamba and DenseMamba for one token: the equations of mixer.ts on packed weights, without tfjs.
 * Letters: B texts, D hidden size, E channels, N state size per channel, R rank of Δ, W convolution width.
 */
import type { Decoder, DecoderOptions } from '@densessm/ssm-core';
import { backboneDecoder, type PackLayer, packGate, projection, type Shared } from '../decoder';
import type { MambaConfig } from './config';
import type { MambaMixerParams, MambaParams } from './spec';
import { type MambaState, stateShapes } from './state';

/**
 * Reads Mamba and DenseMamba token by token on tfjs's wasm backend. Undefined on others, and for dense connections other than sums in the
 * state with a gate for all sources (the default).
 * @throws SsmError OPTION, WEIGHTS or BACKEND
 */
export const mambaDecoder = (params: MambaParams, config: MambaConfig, options: DecoderOptions): Promise<Decoder<MambaState> | undefined> =>
  backboneDecoder('mambaDecoder', params, config, options, stateShapes(config, options.batch), packLayers);

function packLayers(shared: Shared, c: MambaConfig): PackLayer<MambaMixerParams> {
  const { work, batch, type, smallType, hidden, x } = shared;
  const { innerSize: E, stateSize: N, convKernel: W, timeStepRank: R } = c;
  const rows = (width: number): number => work.floats(batch * width);
  /** x and z; u; low rank of Δ, B and C; Δ; y. */
  const [xz, u, selection, delta, y] = [rows(2 * E), rows(E), rows(R + 2 * N), rows(E), rows(E)];

  return async (mixer, sources) => {
    const [conv, ssm] = [rows(E * (W - 1)), rows(E * N)];
    const filter = { w: await work.copyOf(mixer.conv1d.weight), bias: await work.copyOf(mixer.conv1d.bias) };
    const aLog = (await mixer.aLog.data()) as Float32Array;
    const weights = { A: work.floats(aLog.map((value) => -Math.exp(value) * Math.LOG2E)), D: await work.copyOf(mixer.D) };

    const gate = await packGate(shared, mixer.dense, sources);
    work.products(batch, [await projection(shared, mixer.inProj, type, { x, y: xz }), ...gate.first]);
    work.convolution({ x: xz, ...filter, tail: conv, y: u }, { stride: 2 * E, batch, channels: E, width: W });
    work.products(batch, [...gate.second, { matrix: await work.matrix(mixer.xProj, { type }), x: u, y: selection }]);
    work.products(batch, [await projection(shared, mixer.dtProj, smallType, { x: selection, y: delta, stride: R + 2 * N })]);
    const selected = { bc: selection + 4 * R, bcStride: R + 2 * N, z: xz + 4 * E, zStride: 2 * E };
    work.selective({ u, delta, ...selected, ...weights, ...gate.read, h: ssm, y, batch, channels: E, stateSize: N });
    work.products(batch, [await projection(shared, mixer.outProj, type, { x: y, y: hidden, add: true })]);
    return { conv, ssm };
  };
}
