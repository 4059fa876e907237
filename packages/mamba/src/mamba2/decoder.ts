/**
 * Mamba-2 and DenseMamba-2 for one token: the equations of mixer.ts as the steps of a decode program.
 * Letters: B texts, D hidden size, E channels = H heads × P per head, G groups of heads, N state size, W convolution width.
 */
import type { Slot } from '@densessm/kernels/decode';
import { type DecoderFamily, decayRates, filterOf, projection, type RecordLayer, type Shared, stateGate } from '../decoder';
import { gatedNormSize, type Mamba2Config } from './config';
import { convSize, type Mamba2MixerParams } from './spec';
import { stateShapes } from './state';

function begin(shared: Shared, c: Mamba2Config): RecordLayer<Mamba2MixerParams> {
  const { program, hidden, x } = shared;
  const { innerSize: E, stateSize: N, convKernel: W, numHeads: heads, nGroups: groups } = c;
  const channels = convSize(c);
  /** z, then what is convolved, then dt. */
  const width = E + channels + heads;
  const rows = (size: number): Slot => program.zeros(program.batch * size);
  const [projected, mixed, delta, decay, o] = [rows(width), rows(channels), rows(heads), rows(heads), rows(E)];
  const sizes = { heads, groups, keys: N, values: c.headDim };
  /** u, B and C side by side. */
  const read = { q: mixed.at(E + groups * N), k: mixed.at(E), stride: channels, v: mixed, vStride: channels, scale: delta, decay, o };
  const steps = { x: projected.at(E + channels), stride: width, limits: c.timeStepLimit, delta, decay, heads };
  const norm = {
    ...{ x: o, y: o, width: E, eps: c.layerNormEpsilon, groupSize: gatedNormSize(c) },
    gate: { x: projected, stride: width, inside: !c.normBeforeGate },
  };

  return async (mixer, sources) => {
    const [conv, ssm] = [rows(channels * (W - 1)), rows(E * N)];
    const filter = await filterOf(program, mixer.conv1d);
    const rate = { bias: await program.constantOf(mixer.dtBias), A: await decayRates(program, mixer.aLog) };
    const [skip, weight] = [await program.constantOf(mixer.D), await program.constantOf(mixer.norm)];

    const { first, second, gate } = stateGate(shared, mixer.dense);
    program.products([await projection(program, mixer.inProj, { x, y: projected }), ...first]);
    program.convolution({ x: projected.at(E), stride: width, ...filter, tail: conv, y: mixed, channels, width: W });
    program.timeSteps({ ...steps, ...rate });
    program.products(second);
    program.decay({ ...read, sources, gate, skip, state: ssm, ...sizes });
    program.rmsNorm({ ...norm, weight });
    program.products([await projection(program, mixer.outProj, { x: o, y: hidden, add: true })]);
    return { conv, ssm };
  };
}

export const mamba2DecoderFamily: DecoderFamily<Mamba2MixerParams, Mamba2Config> = { shapes: stateShapes, begin };
