import { wasmKernel } from '../../../backends/wasm/wasm-kernel';
import { wasmVersion } from '../../../backends/wasm/wasm-version';
import { causalConv1dGrad } from '../gradient';
import type { CausalConv1dAttrs, CausalConv1dInputs } from '../inputs';
import { causalConv1d } from '../kernel';

const given = { x: 'tensor', w: 'tensor', bias: 'tensor?', tail: 'tensor?', documentStarts: 'tensor?' } as const;
const sizes = { batch: 'i32', length: 'i32', channels: 'i32', width: 'i32', silu: 'bool' } as const;
const blocks = ['causalConv1dBlocks', 'batch', 'length', 'channels'] as const;

const forward = wasmKernel(
  'causalConv1d',
  { ...given, y: 'tensor', left: 'tensor', ...sizes },
  { blocks, scratch: ['causalConv1dScratchBytes', 'channels', 'width'] },
);

const gradient = wasmKernel(
  'causalConv1dGrad',
  { ...given, dy: 'tensor', dLeft: 'tensor', dx: 'tensor', dw: 'tensor', dBias: 'tensor', dTail: 'tensor', ...sizes },
  { blocks, scratch: ['causalConv1dGradScratchBytes', 'length', 'channels', 'width'] },
);

function sizesOf({ x, w }: CausalConv1dInputs, { activation }: CausalConv1dAttrs) {
  const [batch, length, channels] = x.shape;
  return { batch, length, channels, width: w.shape[1], silu: activation === 'silu' };
}

export const causalConv1dOnWasm = [
  wasmVersion(causalConv1d, [forward], (runtime, inputs, attrs) => {
    const { heap } = runtime;
    const of = sizesOf(inputs, attrs);
    const y = heap.output(inputs.x.shape);
    const left = heap.output([of.batch, of.channels, of.width - 1]);
    runtime.run(forward, { ...inputs, y, left, ...of });
    return [y, left];
  }),
  wasmVersion(causalConv1dGrad, [gradient], (runtime, { dTail: dLeft, ...inputs }, attrs) => {
    const { heap } = runtime;
    const of = sizesOf(inputs, attrs);
    const [dx, dw] = [heap.output(inputs.x.shape), heap.output(inputs.w.shape)];
    const [dBias, dTail] = [heap.output([of.channels]), heap.output(dLeft.shape)];
    runtime.run(gradient, { ...inputs, dLeft, dx, dw, dBias, dTail, ...of });
    return [dx, dw, dBias, dTail];
  }),
];
