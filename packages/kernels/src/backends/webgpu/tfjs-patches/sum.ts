import { backend_util, getKernel, type KernelFunc, registerKernel, type TensorInfo, unregisterKernel, util } from '@tensorflow/tfjs-core';
import type { Gpu } from '../gpu';
import { elementwise, type Program } from '../program';
import { groupsOf, sizeOf } from '../specialize';

const zeros: Program = elementwise({ name: 'Sum', inputs: {}, outputs: { y: 'f32' }, params: {}, main: '  y[i] = 0;' });

let stock: KernelFunc | undefined;

/** tfjs's own Sum asks for a buffer of an endless size where there is nothing to be summed. */
export function replaceSum(gpu: Gpu): void {
  stock ??= getKernel('Sum', 'webgpu').kernelFunc;
  const sum = stock;
  const kernelFunc: KernelFunc = (call) => {
    const x = call.inputs.x as TensorInfo;
    const { axis, keepDims } = call.attrs as unknown as { axis: number | number[]; keepDims: boolean };
    if (sizeOf(x) > 0) return sum(call);
    const axes = util.parseAxisParam(axis, x.shape);
    const [kept] = backend_util.computeOutAndReduceShapes(x.shape, axes);
    const y = gpu.tensor(keepDims ? backend_util.expandShapeToKeepDim(kept, axes) : kept, x.dtype);
    const count = sizeOf(y);
    if (count > 0) gpu.run(zeros, { inputs: {}, outputs: { y }, params: { count }, groups: groupsOf(count) });
    return y;
  };
  unregisterKernel('Sum', 'webgpu');
  registerKernel({ kernelName: 'Sum', backendName: 'webgpu', kernelFunc });
}
