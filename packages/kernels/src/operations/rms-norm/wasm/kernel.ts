import type { Tensor } from '@tensorflow/tfjs-core';
import { sumParts } from '../../../backends/wasm/tfjs-patches/reduce/kernel';
import { wasmKernel } from '../../../backends/wasm/wasm-kernel';
import { wasmVersion } from '../../../backends/wasm/wasm-version';
import { rmsNormGrad } from '../gradient';
import type { RmsNormAttrs } from '../inputs';
import { rmsNorm } from '../kernel';

const given = { x: 'tensor', weight: 'tensor?', gate: 'tensor?' } as const;
const sizes = { rows: 'i32', width: 'i32', size: 'i32', eps: 'f64', inside: 'bool' } as const;

const forward = wasmKernel('rmsNorm', { ...given, y: 'tensor', ...sizes }, { blocks: ['rmsNormBlocks', 'rows', 'width'] });

const gradient = wasmKernel(
  'rmsNormGrad',
  { ...given, dy: 'tensor', dx: 'tensor', dw: 'tensor', dgate: 'tensor?', ...sizes },
  { blocks: ['rmsNormGradBlocks', 'rows', 'width'], scratch: ['rmsNormGradScratchBytes', 'width', 'size'] },
);

/** Rows, their width, the size of a group, and whether the gate joins before the norm. */
function sizesOf(x: Tensor, { eps, groupSize, normBeforeGate }: RmsNormAttrs) {
  const width = x.shape.at(-1) as number;
  return { rows: width === 0 ? 0 : x.size / width, width, size: groupSize || width, eps, inside: !normBeforeGate };
}

export const rmsNormOnWasm = [
  wasmVersion(rmsNorm, [forward], (runtime, inputs, attrs) => {
    const y = runtime.heap.output(inputs.x.shape);
    runtime.run(forward, { ...inputs, y, ...sizesOf(inputs.x, attrs) });
    return y;
  }),
  wasmVersion(rmsNormGrad, [gradient, sumParts], (runtime, inputs, attrs) => {
    const { heap } = runtime;
    const { x, gate } = inputs;
    const of = sizesOf(x, attrs);
    const { width } = of;
    const dx = heap.output(x.shape);
    const dWeight = heap.output([width]);
    const dgate = gate && heap.output(gate.shape);
    const blocks = runtime.blocksOf(gradient, of);
    const parts = blocks > 1 ? heap.shared(blocks * width * 4) : heap.address(dWeight);
    runtime.run(gradient, { ...inputs, dx, dw: parts, dgate, ...of });
    if (blocks > 1) runtime.run(sumParts, { parts, out: dWeight, count: blocks, size: width });
    return dgate ? [dx, dWeight, dgate] : [dx, dWeight];
  }),
];
