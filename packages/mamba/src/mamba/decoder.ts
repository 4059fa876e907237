/**
 * Mamba and DenseMamba for one token: the equations of mixer.ts as the steps of a decode program.
 * Letters: B texts, D hidden size, E channels, N state size per channel, R rank of Δ, W convolution width.
 */
import { packedOf, type Slot } from '@densessm/kernels/decode';
import { type DecoderFamily, decayRates, filterOf, projection, type RecordLayer, type Shared, stateGate } from '../decoder';
import type { MambaConfig } from './config';
import type { MambaMixerParams } from './spec';
import { stateShapes } from './state';

function begin(shared: Shared, c: MambaConfig): RecordLayer<MambaMixerParams> {
  const { program, hidden, x } = shared;
  const { innerSize: E, stateSize: N, convKernel: W, timeStepRank: R } = c;
  const rows = (width: number): Slot => program.zeros(program.batch * width);
  /** x and z; u; low rank of Δ, B and C; Δ; y. */
  const [xz, u, selection, delta, y] = [rows(2 * E), rows(E), rows(R + 2 * N), rows(E), rows(E)];
  const selected = { bc: selection.at(R), bcStride: R + 2 * N, z: xz.at(E), zStride: 2 * E };
  const sizes = { channels: E, stateSize: N };

  return async (mixer, sources) => {
    const [conv, ssm] = [rows(E * (W - 1)), rows(E * N)];
    const filter = await filterOf(program, mixer.conv1d);
    const weights = { A: await decayRates(program, mixer.aLog), D: await program.constantOf(mixer.D) };

    const { first, second, gate } = stateGate(shared, mixer.dense);
    program.products([await projection(program, mixer.inProj, { x, y: xz }), ...first]);
    program.convolution({ x: xz, stride: 2 * E, ...filter, tail: conv, y: u, channels: E, width: W });
    program.products([{ matrix: packedOf(program, mixer.xProj), x: u, y: selection }]);
    program.products([...second, await projection(program, mixer.dtProj, { x: selection, y: delta, stride: R + 2 * N })]);
    program.selective({ u, delta, ...selected, ...weights, sources, gate, h: ssm, y, ...sizes });
    program.products([await projection(program, mixer.outProj, { x: y, y: hidden, add: true })]);
    return { conv, ssm };
  };
}

export const mambaDecoderFamily: DecoderFamily<MambaMixerParams, MambaConfig> = { shapes: stateShapes, begin };
