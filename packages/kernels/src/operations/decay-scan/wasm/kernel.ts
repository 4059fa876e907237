import { sumParts } from '../../../backends/wasm/tfjs-patches/reduce/kernel';
import { wasmKernel } from '../../../backends/wasm/wasm-kernel';
import { wasmVersion } from '../../../backends/wasm/wasm-version';
import { decayScanGrad } from '../gradient';
import type { DecayScanInputs } from '../inputs';
import { decayScan } from '../kernel';

const given = { q: 'tensor', k: 'tensor', v: 'tensor', logDecay: 'tensor', s0: 'tensor?', documentStarts: 'tensor?' } as const;
const sizes = { batch: 'i32', length: 'i32', heads: 'i32', keys: 'i32', values: 'i32', constant: 'bool' } as const;
const blocks = ['decayScanBlocks', 'batch', 'length', 'heads', 'keys', 'values'] as const;

const forward = wasmKernel(
  'decayScan',
  { ...given, o: 'tensor', sT: 'tensor', ...sizes },
  { blocks, scratch: ['decayScanScratchBytes', 'length', 'keys', 'values'] },
);

const gradient = wasmKernel(
  'decayScanGrad',
  { ...given, dO: 'tensor', dST: 'tensor', dq: 'tensor', dk: 'tensor', dv: 'tensor', ds0: 'tensor', dLogDecay: 'tensor?', ...sizes },
  { blocks, scratch: ['decayScanGradScratchBytes', 'length', 'keys', 'values'] },
);

function sizesOf({ q, v, logDecay }: DecayScanInputs) {
  const [batch, length, heads, keys] = q.shape;
  return { batch, length, heads, keys, values: v.shape[3], constant: logDecay.rank === 1 };
}

export const decayScanOnWasm = [
  wasmVersion(decayScan, [forward], (runtime, inputs) => {
    const of = sizesOf(inputs);
    const o = runtime.heap.output(inputs.v.shape);
    const sT = runtime.heap.output([of.batch, of.heads, of.keys, of.values]);
    runtime.run(forward, { ...inputs, o, sT, ...of });
    return [o, sT];
  }),
  wasmVersion(decayScanGrad, [gradient, sumParts], (runtime, inputs, { withDecay }) => {
    const { heap } = runtime;
    const of = sizesOf(inputs);
    const [dq, dk, dv] = [heap.output(inputs.q.shape), heap.output(inputs.k.shape), heap.output(inputs.v.shape)];
    const ds0 = heap.output(inputs.dST.shape);
    const dLogDecay = withDecay ? heap.output(inputs.logDecay.shape) : undefined;
    const parts = dLogDecay && of.constant ? heap.shared(4 * of.batch * of.heads) : undefined;
    runtime.run(gradient, { ...inputs, dq, dk, dv, ds0, dLogDecay: parts ?? dLogDecay, ...of });
    if (dLogDecay && parts !== undefined) runtime.run(sumParts, { parts, out: dLogDecay, count: of.batch, size: of.heads });
    return dLogDecay ? [dq, dk, dv, ds0, dLogDecay] : [dq, dk, dv, ds0];
  }),
];
