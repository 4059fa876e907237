/**
 * Mamba and DenseMamba for one token: the equations of mixer.ts on packed weights, without tfjs.
 * Letters: B texts, D hidden size, E channels, N state size per channel, R rank of Δ, W convolution width.
 */
import type { Decoder, DecoderOptions } from '@densessm/ssm-core';
import { backboneDecoder, type PackLayer, packDenseRead, packProjection, type Shared } from '../decoder';
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
  const [xz, u, selection, delta, y] = [rows(2 * E), rows(E), rows(R + 2 * N), rows(E), rows(E)];
  const z = { z: xz + 4 * E, zStride: 2 * E };

  return async (mixer, sources) => {
    const inProj = await packProjection(shared, mixer.inProj, type);
    const filter = { w: await work.copyOf(mixer.conv1d.weight), bias: await work.copyOf(mixer.conv1d.bias) };
    /** Low rank of Δ, B and C side by side. */
    const xProj = await work.matrix(mixer.xProj, { type });
    const dtProj = await packProjection(shared, mixer.dtProj, smallType);
    const aLog = (await mixer.aLog.data()) as Float32Array;
    const weights = { A: work.floats(aLog.map((value) => -Math.exp(value) * Math.LOG2E)), D: await work.copyOf(mixer.D) };
    const outProj = await packProjection(shared, mixer.outProj, type);
    const dense = await packDenseRead(shared, mixer.dense, sources);
    const [conv, ssm] = [rows(E * (W - 1)), rows(E * N)];
    const scan = { u, delta, ...weights, bc: selection + 4 * R, bcStride: R + 2 * N, h: ssm, ...z, ...dense, y };
    const mix = (): void => {
      inProj.weight.run(x, xz, batch, { bias: inProj.bias });
      work.convolution({ x: xz, ...filter, tail: conv, y: u }, { stride: 2 * E, batch, channels: E, width: W });
      xProj.run(u, selection, batch);
      dtProj.weight.run(selection, delta, batch, { bias: dtProj.bias, stride: R + 2 * N });
      dense.open();
      work.selective({ ...scan, batch, channels: E, stateSize: N });
      outProj.weight.run(y, hidden, batch, { bias: outProj.bias, add: true });
    };
    return { conv, ssm, mix };
  };
}
