/**
 * States that are read more than once: y'_t = C'_t h_t through another C' than the scan's own. Nothing of size [B, T, E, N] is kept, so
 * that each read runs the recurrence again; the way back through it runs once for all reads. The gradient of a state is Σ C_t dy_t over
 * its reads, a product of two small tensors each. A read hands both to the scan as the "gradients" of two tensors that stand for the
 * states on the tape: views of y and C, of whose values no one makes use.
 */
import { defineKernel, type Kernel, SsmError } from '@densessm/ssm-core';
import { detached } from '@densessm/ssm-core/internal';
import {
  clone,
  dispose,
  engine,
  expandDims,
  stack,
  type Tensor,
  type Tensor3D,
  type Tensor4D,
  tidy,
  zerosLike,
} from '@tensorflow/tfjs-core';
import { selectiveScanGrad, selectiveScanGradOfC } from './gradient';
import { checkScan, FIX, type SelectiveScanAttrs, type SelectiveScanInputs, scanAttrs, scanInputs } from './inputs';
import { type SelectiveScanOutputs, selectiveScan } from './kernel';

/** The states of a scan for one read: what it reads, through which no gradient flows, and what stands for the states on the tape. */
export interface ScanStates extends Omit<SelectiveScanInputs, 'C' | 'D'> {
  /** [B, T, E]; its gradient is that of what was read. */
  toDy: Tensor3D;
  /** As C; its gradient is the C of the read. */
  toC: Tensor;
  /** What the scan kept, where its backend does: a read then need not run from the first token on. See {@link SelectiveScanAttrs}. */
  starts?: Tensor4D;
}

interface ShowAttrs extends SelectiveScanAttrs {
  readers: number;
}

/** y, hT, and one pair of toDy and toC for each reader. */
const showKernel: Kernel<SelectiveScanInputs, Tensor[], ShowAttrs> = /* @__PURE__ */ defineKernel<SelectiveScanInputs, Tensor[], ShowAttrs>(
  {
    name: 'SsmSelectiveScanShown',
    inputs: scanInputs,
    fix: FIX,
    attrs: { ...scanAttrs, readers: 1 },
    check: (inputs, attrs) => checkScan('SsmSelectiveScanShown', inputs, attrs),
    reference: (inputs, { readers, stateValues, kept }) => {
      const [y, hT] = selectiveScan(inputs, { stateValues, kept });
      return [y, hT, ...Array.from({ length: readers }, () => [clone(y), clone(inputs.C)]).flat()];
    },
    backward: ([dy, dhT, ...pairs], inputs, _, { stateValues }) => {
      const [u, delta, A, B, C, h0, D] = tidy(() => {
        const dyReads = stacked(pairs.filter((_, i) => i % 2 === 0)) as Tensor4D;
        const CReads = stacked(pairs.filter((_, i) => i % 2 === 1));
        return selectiveScanGrad({ ...inputs, dy: dy as Tensor3D, dhT: dhT as Tensor3D, dyReads, CReads }, { stateValues });
      });
      return { u: () => u, delta: () => delta, A: () => A, B: () => B, C: () => C, D: () => D, h0: () => h0 };
    },
  },
);

/** One behind the other; without a copy where there is just one. */
const stacked = (parts: Tensor[]): Tensor => (parts.length === 1 ? expandDims(parts[0] as Tensor, 0) : stack(parts));

export type SelectiveScanReadInputs = ScanStates & Pick<SelectiveScanInputs, 'C'>;

/** One read of the states of a scan: see {@link readStates}. */
export const selectiveScanRead: Kernel<SelectiveScanReadInputs, Tensor3D, SelectiveScanAttrs> = /* @__PURE__ */ defineKernel<
  SelectiveScanReadInputs,
  Tensor3D,
  SelectiveScanAttrs
>({
  name: 'SsmSelectiveScanRead',
  inputs: { ...scanInputs, toDy: ['B', 'T', 'E'], toC: scanInputs.C, starts: { dims: ['B', 'chunks', 'N', 'E'], optional: true } },
  fix: FIX,
  attrs: scanAttrs,
  check: (inputs, attrs) => checkScan('SsmSelectiveScanRead', inputs, attrs),
  reference: ({ toDy: _, toC: __, starts: ___, ...inputs }, attrs) => {
    const [y, hT] = selectiveScan(inputs, attrs);
    dispose(hT);
    return y;
  },
  backward: (dy, { C, toDy: _, toC: __, ...states }, ___, attrs) => ({
    // their gradients are the scan's; a recomputed layer asks for those of all that it was given
    ...Object.fromEntries(Object.entries(states).map(([name, tensor]) => [name, () => zerosLike(tensor)])),
    C: () => selectiveScanGradOfC({ ...states, dy }, attrs),
    toDy: () => clone(dy),
    toC: () => clone(C),
  }),
});

/**
 * {@link selectiveScan}, and its states for so many reads by {@link readStates}, of which each is to be read once.
 * @throws SsmError SHAPE, DTYPE or OPTION
 */
export function selectiveScanShown(
  inputs: SelectiveScanInputs,
  readers: number,
  attrs?: Partial<SelectiveScanAttrs>,
): [...SelectiveScanOutputs, states: ScanStates[]] {
  if (readers === 0) return [...selectiveScan(inputs, attrs), []];
  const kept: SelectiveScanAttrs['kept'] = {};
  const [y, hT, ...pairs] = showKernel(inputs, { ...attrs, readers, kept }) as [Tensor3D, Tensor3D, ...Tensor[]];
  const starts = kept.starts && engine().makeTensorFromTensorInfo(kept.starts); // for no gradient, and so no output of the kernel
  const { C: _, D: __, ...read } = inputs;
  const fixed = (): typeof read =>
    Object.fromEntries(Object.entries(read).map(([name, tensor]) => [name, tensor && detached(tensor)])) as never;
  const states = Array.from({ length: readers }, (_, i) => {
    const ofChunks = starts && { starts: (i === 0 ? starts : detached(starts)) as Tensor4D };
    return { ...fixed(), toDy: pairs[2 * i] as Tensor3D, toC: pairs[2 * i + 1] as Tensor, ...ofChunks };
  });
  return [y, hT, states];
}

const alreadyRead = new WeakSet<Tensor>();

/**
 * y_t = C_t h_t of a scan's states, [B, T, E].
 * @throws SsmError SHAPE, DTYPE or OPTION, the latter also where these states were read before: their gradients would be lost.
 */
export function readStates(states: ScanStates, C: SelectiveScanInputs['C'], attrs?: Partial<SelectiveScanAttrs>): Tensor3D {
  if (alreadyRead.has(states.toDy))
    throw new SsmError({
      code: 'OPTION',
      what: 'readStates: these states were read before.',
      expected: 'states for each read',
      got: 'the same again',
      fix: 'ask selectiveScanShown for as many readers as there are reads',
    });
  alreadyRead.add(states.toDy);
  return selectiveScanRead({ ...states, C }, attrs);
}
