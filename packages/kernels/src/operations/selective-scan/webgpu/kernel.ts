import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { Gpu } from '../../../backends/webgpu/gpu';
import { inParts, type Parting } from '../../../backends/webgpu/in-parts';
import { type GpuKernel, groupsOf, sizeOf } from '../../../backends/webgpu/specialize';
import { sumParts } from '../../../backends/webgpu/sum-parts';
import type { SelectiveScanGradInputs, SelectiveScanGradOfCInputs } from '../gradient';
import { type ScanSizes, type SelectiveScanAttrs, type SelectiveScanInputs, sizesOf } from '../inputs';
import type { SelectiveScanReadInputs } from '../shown-states';
import { gradientOfCProgram, gradientProgram, HALVES, summariesProgram } from './backward';
import { outputProgram, summaryProgram } from './forward';
import { LANES } from './program';
import { carry } from './states';

/** Tokens of a chunk: their decays and states are in registers on the way back. */
const CHUNK = 16;

type Inputs = SelectiveScanInputs & { CReads?: TensorInfo };

/** One call: its small inputs in one buffer, and the numbers of its dispatches. */
interface Call {
  readonly sizes: ScanSizes;
  readonly length: number;
  readonly aux: TensorInfo;
  readonly params: Readonly<Record<string, number>>;
  /** Workgroups of the programs by chunk. */
  readonly groups: number;
  readonly blocks: number;
  readonly chunks: number;
}

function begin(gpu: Gpu, inputs: Inputs): Call {
  const sizes = sizesOf(inputs);
  const { B, T, E, N, G } = sizes;
  const length = T === 1 ? 1 : CHUNK;
  const chunks = Math.ceil(T / length);
  const blocks = groupsOf(E / G, LANES);
  const parts: TensorInfo[] = [];
  let end = 0;
  const place = (part: TensorInfo | undefined): number => {
    const at = end;
    if (part) parts.push(part);
    end += part ? sizeOf(part) : 0;
    return at;
  };
  place(inputs.A);
  const places = {
    atB: place(inputs.B),
    atC: place(inputs.C),
    atD: place(inputs.D),
    atH: place(inputs.h0),
    atStarts: place(inputs.documentStarts),
    atReads: place(inputs.CReads),
  };
  const given = {
    hasD: Number(inputs.D !== undefined),
    hasH: Number(inputs.h0 !== undefined),
    hasStarts: Number(inputs.documentStarts !== undefined),
  };
  const params = { T, E, N, G, R: inputs.CReads?.shape[0] ?? 0, batches: B, chunks, blocks, ...places, ...given, count: B * E * N };
  return { sizes, length, aux: gpu.packed(parts), params, groups: blocks * G * chunks * B, blocks, chunks };
}

/** The states that the chunks start with, and the last. */
function statesOf(gpu: Gpu, name: string, { u, delta }: Inputs, { sizes, length, aux, params, groups, chunks }: Call) {
  const { B, E, N } = sizes;
  const [totals, ends] = [gpu.tensor([B, chunks, N, E]), gpu.tensor([B, chunks, N, E])];
  gpu.run(summaryProgram({ length, name }), { inputs: { delta, aux, u }, outputs: { totals, ends }, params, groups });
  const [starts, hT] = carry(gpu, name, { sizes, params, totals, added: ends, initial: { aux } });
  gpu.free(totals);
  return { starts, hT };
}

const scan: GpuKernel<SelectiveScanInputs, SelectiveScanAttrs> = {
  run: (gpu, inputs, { kept }) => {
    const call = begin(gpu, inputs);
    const { starts, hT } = statesOf(gpu, 'SsmSelectiveScan', inputs, call);
    const y = outputOf(gpu, inputs, call, starts);
    gpu.free(call.aux);
    if (kept) kept.starts = starts;
    else gpu.free(starts);
    return [y, hT];
  },
};

/** y from the states that the chunks start with. */
function outputOf(gpu: Gpu, { u, delta }: Inputs, { aux, params, groups, length }: Call, starts: TensorInfo): TensorInfo {
  const y = gpu.tensor(u.shape);
  gpu.run(outputProgram({ length }), { inputs: { delta, aux, u, starts }, outputs: { y }, params, groups });
  return y;
}

/** From the states that the scan kept: one pass in the place of three. */
const read: GpuKernel<SelectiveScanReadInputs, SelectiveScanAttrs> = {
  supports: (_, { starts }) => starts !== undefined || 'the scan kept no states',
  run: (gpu, { h0: _, ...inputs }) => {
    const call = begin(gpu, inputs); // the first chunk's start is h0 already
    const y = outputOf(gpu, inputs, call, inputs.starts as TensorInfo);
    gpu.free(call.aux);
    return y;
  },
};

const NAME = 'SsmSelectiveScanGrad';

const gradients: GpuKernel<SelectiveScanGradInputs, SelectiveScanAttrs> = {
  supports: (gpu, { dyReads }) => {
    const buffers = dyReads ? 10 : 9;
    return gpu.limits.maxStorageBuffersPerShaderStage >= buffers || `the device binds fewer than ${buffers} storage buffers`;
  },
  run: (gpu, inputs) => {
    const { u, delta, dy, dhT, dyReads } = inputs;
    const call = begin(gpu, inputs);
    const { sizes, aux, params, groups, length, chunks, blocks } = call;
    const { B, T, E, N, G } = sizes;
    const state = () => gpu.tensor([B, chunks, N, E]);
    const [totals, ends, handed] = [state(), state(), state()];
    const choice = { length, reads: dyReads?.shape[0] ?? 0 };
    const ofY = { dy, ...(dyReads && { dyReads }) };
    gpu.run(summariesProgram(choice), { inputs: { delta, aux, u, ...ofY }, outputs: { totals, ends, handed }, params, groups });
    const [starts, hT] = carry(gpu, NAME, { sizes, params, totals, added: ends, initial: { aux } });
    const [arriving, dh0] = carry(gpu, NAME, { sizes, params, totals, added: handed, initial: { dhT } });
    gpu.free(totals, hT);
    const [du, dDelta] = [gpu.tensor(u.shape), gpu.tensor(u.shape)];
    const values = B * T * G * N;
    const shares = HALVES * blocks;
    const atA = 2 * shares * values;
    const parts = gpu.tensor([atA + B * chunks * E * (N + 1)]);
    gpu.run(gradientProgram(choice), {
      inputs: { delta, aux, u, ...ofY, starts, arriving },
      outputs: { du, dDelta, parts },
      params,
      groups,
    });
    const sum = (shape: number[], first: number, count: number) => sumParts(gpu, NAME, parts, shape, { first, count });
    const dB = sum(inputs.B.shape, 0, shares);
    const dC = sum(inputs.B.shape, shares * values, shares);
    const dA = sum([E, N], atA, B * chunks);
    const dD = sum([E], atA + B * chunks * E * N, B * chunks);
    gpu.free(aux, starts, arriving, parts);
    return [du, dDelta, dA, dB, dC, dh0, dD];
  },
};

const gradientOfC: GpuKernel<SelectiveScanGradOfCInputs, SelectiveScanAttrs> = {
  run: (gpu, given) => {
    const name = 'SsmSelectiveScanGradOfC';
    const inputs = { ...given, C: given.B }; // which is not read
    const { u, delta, dy, starts } = inputs;
    const call = begin(gpu, inputs);
    const { aux, params, groups, length, blocks } = call;
    const own = starts ? undefined : statesOf(gpu, name, inputs, call);
    const parts = gpu.tensor([HALVES * blocks, ...inputs.B.shape]);
    gpu.run(gradientOfCProgram({ length }), {
      inputs: { delta, aux, u, dy, starts: starts ?? (own?.starts as TensorInfo) },
      outputs: { parts },
      params,
      groups,
    });
    gpu.free(aux, ...(own ? [own.starts, own.hT] : []));
    return sumParts(gpu, name, parts, inputs.B.shape);
  },
};

/** The most values that a program binds for each text: of tokens, of the states at the borders of chunks, of what is added up over workgroups, or of the small inputs as one. */
function valuesOfText(inputs: Inputs, withGradients: boolean): number {
  const { T, E, N, G } = sizesOf(inputs);
  const chunks = Math.ceil(T / CHUNK);
  const shares = HALVES * groupsOf(E / G, LANES);
  const small = E * N + (2 + (inputs.CReads?.shape[0] ?? 0)) * T * G * N + E + E * N + T;
  const parts = withGradients ? 2 * shares * T * G * N + chunks * E * (N + 1) : 0;
  const reads = (inputs as { dyReads?: TensorInfo }).dyReads?.shape[0] ?? 1;
  return Math.max(reads * T * E, chunks * E * N, small, parts);
}

/** Texts by texts, where they are more than the device binds at a time. */
const byTexts = <I extends Omit<Inputs, 'C'>>(
  outputs: readonly (number | 'summed')[],
  withGradients: boolean,
): Parting<I, SelectiveScanAttrs> => ({
  inputs: () => ({ u: 0, delta: 0, B: 0, C: 0, h0: 0, documentStarts: 0, dy: 0, dhT: 0, dyReads: 1, CReads: 1, starts: 0 }),
  outputs: () => outputs,
  length: ({ u }) => u.shape[0],
  valuesOfOne: (inputs) => valuesOfText({ ...inputs, C: inputs.B }, withGradients),
  attrsOfPart: ({ kept: _, ...attrs }) => attrs, // the states of one part would be taken for those of all
});

export const selectiveScanOnGpu = inParts(scan, byTexts([0, 0], false));
export const selectiveScanReadOnGpu = inParts(read, byTexts([0], false));
export const selectiveScanGradOnGpu = inParts(gradients, byTexts([0, 0, 'summed', 0, 0, 0, 'summed'], true));
export const selectiveScanGradOfCOnGpu = inParts(gradientOfC, byTexts([0], true));
