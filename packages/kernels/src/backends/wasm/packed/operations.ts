/** What `linear` and `embedding` do with packed weights: operations of tfjs on the heap, without gradient. */
import { defineKernel, type Kernel, type OutputRange, SsmError } from '@densessm/ssm-core';
import { engine, type Tensor, type Tensor1D, type Tensor2D, type Tensor3D } from '@tensorflow/tfjs-core';
import { checkHostIds } from '../../../host-ids';
import type { Heap } from '../heap';
import { currentRuntime } from '../wasm-runtime';

/** What these operations need of packed weights on the heap. */
interface HeapMatrix {
  readonly out: number;
  readonly width: number;
  row(index: number): Float32Array;
  runParts(x: number, parts: readonly { y: number; outputs: OutputRange }[], rows: number, options: { bias: number }): void;
}

interface Weights {
  /** Always given. */
  matrix?: HeapMatrix;
}

interface PackedProductInputs {
  /** [..., width] */
  x: Tensor;
  /** [out] */
  bias?: Tensor1D;
}

interface Parts extends Weights {
  /** Always given. */
  parts?: readonly OutputRange[];
}

/** y = x wᵀ + bias, [..., size] for each part. @throws SsmError SHAPE, DTYPE, STATE, or OPTION inside of a gradient */
export const linearOfPacked: Kernel<PackedProductInputs, Tensor[], Parts> = /* @__PURE__ */ defineKernel<
  PackedProductInputs,
  Tensor[],
  Parts
>({
  name: 'SsmPackedLinear',
  inputs: { x: ['...', 'width'], bias: { dims: ['out'], optional: true } },
  fix: 'the last axis of x is the width of the packed weights',
  attrs: {},
  check: ({ x, bias }, { matrix }) => {
    const { out, width } = matrix as HeapMatrix;
    if (x.shape.at(-1) !== width || (bias && bias.size !== out)) throw misfit(`x [..., ${width}], bias [${out}]`, x, bias);
  },
  reference: ({ x, bias }, { matrix, parts = [] }) => {
    const { width } = matrix as HeapMatrix;
    const { heap } = currentRuntime('linear');
    const tensors = parts.map(([, size]) => outputOn(heap, [...x.shape.slice(0, -1), size]));
    const places = parts.map((outputs, i) => ({ y: heap.address(tensors[i] as Tensor), outputs }));
    if (x.size > 0) (matrix as HeapMatrix).runParts(heap.address(x), places, x.size / width, { bias: heap.addressOrNone(bias) });
    return tensors;
  },
  backward: () => refuseGradient(),
});

interface PackedRowsInputs {
  /** [B, T] int32 */
  ids: Tensor2D;
}

/** Rows by id, [B, T, width]. @throws SsmError TOKENS, STATE */
export const rowsOfPacked: Kernel<PackedRowsInputs, Tensor3D, Weights> = /* @__PURE__ */ defineKernel<PackedRowsInputs, Tensor3D, Weights>({
  name: 'SsmPackedEmbedding',
  inputs: { ids: { dims: ['B', 'T'], dtype: 'int32' } },
  fix: 'pass ids [B, T]',
  attrs: {},
  check: ({ ids }, { matrix }) => checkHostIds('SsmPackedEmbedding', 'ids', ids, (matrix as HeapMatrix).out),
  reference: ({ ids }, { matrix }) => {
    const { width } = matrix as HeapMatrix;
    const { heap } = currentRuntime('embedding');
    const rows = outputOn(heap, [...ids.shape, width]);
    const to = new Float32Array(heap.buffer, heap.address(rows), rows.size);
    for (const [i, id] of ids.dataSync().entries()) to.set((matrix as HeapMatrix).row(id), i * width);
    return rows as Tensor3D;
  },
});

const outputOn = (heap: Heap, shape: number[]): Tensor => engine().makeTensorFromTensorInfo(heap.output(shape));

const misfit = (expected: string, x: Tensor, bias: Tensor | undefined): SsmError =>
  new SsmError({
    code: 'SHAPE',
    what: 'SsmPackedLinear: the packed weights do not fit.',
    expected,
    got: `x [${x.shape.join(', ')}]${bias ? `, bias [${bias.shape.join(', ')}]` : ''}`,
    fix: 'use the config that belongs to these weights',
  });

function refuseGradient(): never {
  throw new SsmError({
    code: 'OPTION',
    what: 'SsmPackedLinear: packed weights have no gradient.',
    expected: 'params of tensors inside of a loss',
    got: 'params that were packed',
    fix: 'train the params before they are packed',
  });
}
