import type { TensorInfo } from '@tensorflow/tfjs-core';
import { sumParts } from '../../../backends/wasm/tfjs-patches/reduce/kernel';
import { wasmKernel } from '../../../backends/wasm/wasm-kernel';
import { wasmVersion } from '../../../backends/wasm/wasm-version';
import { selectiveScanGrad, selectiveScanGradOfC } from '../gradient';
import { type SelectiveScanInputs, sizesOf } from '../inputs';
import { selectiveScan } from '../kernel';

const states = { u: 'tensor', delta: 'tensor', A: 'tensor', B: 'tensor' } as const;
const read = { C: 'tensor', D: 'tensor?' } as const;
const start = { h0: 'tensor?', documentStarts: 'tensor?' } as const;
const sizes = { batch: 'i32', length: 'i32', channels: 'i32', states: 'i32', groups: 'i32' } as const;
const blocks = ['selectiveScanBlocks', 'batch', 'length', 'channels', 'states', 'groups'] as const;
const gradientScratch = ['selectiveScanGradScratchBytes', 'length', 'channels', 'states', 'groups'] as const;

const forward = wasmKernel(
  'selectiveScan',
  { ...states, ...read, ...start, y: 'tensor', hT: 'tensor', ...sizes },
  { blocks, scratch: ['selectiveScanScratchBytes', 'channels', 'states', 'groups'] },
);

const gradient = wasmKernel(
  'selectiveScanGrad',
  {
    ...states,
    ...read,
    ...start,
    dy: 'tensor',
    dhT: 'tensor',
    dyReads: 'tensor?',
    CReads: 'tensor?',
    du: 'tensor',
    dDelta: 'tensor',
    dA: 'tensor',
    dB: 'tensor',
    dC: 'tensor',
    dh0: 'tensor',
    dD: 'tensor',
    reads: 'i32',
    ...sizes,
  },
  { blocks, scratch: gradientScratch },
);

const gradientOfC = wasmKernel(
  'selectiveScanGradOfC',
  { ...states, ...start, dy: 'tensor', dC: 'tensor', ...sizes },
  { blocks, scratch: gradientScratch },
);

function namedSizes(inputs: Pick<SelectiveScanInputs, 'u' | 'A' | 'B'>) {
  const { B, T, E, N, G } = sizesOf(inputs);
  return { batch: B, length: T, channels: E, states: N, groups: G };
}

export const selectiveScanOnWasm = [
  wasmVersion(selectiveScan, [forward], (runtime, inputs) => {
    const of = namedSizes(inputs);
    const y = runtime.heap.output(inputs.u.shape);
    const hT = runtime.heap.output([of.batch, of.channels, of.states]);
    runtime.run(forward, { ...inputs, y, hT, ...of });
    return [y, hT];
  }),
  wasmVersion(selectiveScanGrad, [gradient, sumParts], (runtime, inputs) => {
    const { heap } = runtime;
    const { u, delta, A, B, C, dyReads } = inputs;
    const of = namedSizes(inputs);
    const [du, dDelta, dA, dB, dC] = [u, delta, A, B, C].map(({ shape }) => heap.output(shape)) as Five;
    const [dh0, dD] = [heap.output([of.batch, of.channels, of.states]), heap.output([of.channels])];
    // each block has sums of its own for B and C, which are added up in one order
    const count = runtime.blocksOf(gradient, of);
    const partsOfB = count > 1 ? heap.shared(2 * count * B.size * 4) : heap.address(dB);
    const partsOfC = count > 1 ? partsOfB + count * B.size * 4 : heap.address(dC);
    const outputs = { du, dDelta, dA, dB: partsOfB, dC: partsOfC, dh0, dD };
    runtime.run(gradient, { ...inputs, ...outputs, reads: dyReads?.shape[0] ?? 0, ...of });
    if (count > 1) runtime.run(sumParts, { parts: partsOfB, out: dB, count, size: B.size });
    if (count > 1) runtime.run(sumParts, { parts: partsOfC, out: dC, count, size: B.size });
    return [du, dDelta, dA, dB, dC, dh0, dD];
  }),
  wasmVersion(selectiveScanGradOfC, [gradientOfC, sumParts], (runtime, inputs) => {
    const { heap } = runtime;
    const { shape, size } = inputs.B;
    const of = namedSizes(inputs);
    const dC = heap.output(shape);
    const count = runtime.blocksOf(gradientOfC, of);
    const parts = count > 1 ? heap.shared(count * size * 4) : heap.address(dC);
    runtime.run(gradientOfC, { ...inputs, dC: parts, ...of });
    if (count > 1) runtime.run(sumParts, { parts, out: dC, count, size });
    return dC;
  }),
];

type Five = [TensorInfo, TensorInfo, TensorInfo, TensorInfo, TensorInfo];
