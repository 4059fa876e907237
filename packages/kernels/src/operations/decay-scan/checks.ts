import { type KernelCheck, kernelCheck } from '../../checks/kernel-check';
import { startsSample } from '../../checks/starts-sample';
import { decayScanGrad } from './gradient';
import { decayScan } from './kernel';
import { decayScanNaive } from './naive';

interface Extras {
  /** One decay per head. */
  constant?: boolean;
  start?: boolean;
  /** Tokens before which the state starts anew. */
  anew?: readonly number[];
  /** The strongest ln a. */
  strongest?: number;
}

/** What the kernel is tried on, also by its own tests. */
export function decayScanSample(
  [B, T, H, K, V]: [number, number, number, number, number],
  { constant = false, start = true, strongest = 1, anew }: Extras = {},
) {
  return {
    q: { shape: [B, T, H, K] },
    k: { shape: [B, T, H, K] },
    v: { shape: [B, T, H, V] },
    logDecay: { shape: constant ? [H] : [B, T, H], value: (_: number, random: () => number) => -strongest * random() },
    ...(start && { s0: { shape: [B, H, K, V] } }),
    ...(anew && { documentStarts: startsSample(B, T, anew) }),
  };
}

const of = decayScanSample;
const samples = {
  'one token': { inputs: of([2, 1, 3, 4, 5]) },
  'one token from nothing': { inputs: of([1, 1, 2, 5, 3], { constant: true, start: false }) },
  parallel: { inputs: of([2, 7, 3, 4, 5]), attrs: { chunkSize: 64 } },
  recurrent: { inputs: of([1, 5, 3, 4, 2]), attrs: { chunkSize: 1 } },
  'a short last chunk': { inputs: of([2, 11, 3, 4, 5]), attrs: { chunkSize: 4 } },
  'a last chunk of one token': { inputs: of([1, 7, 2, 5, 3], { start: false }), attrs: { chunkSize: 3 } },
  'constant decay': { inputs: of([2, 11, 3, 4, 5], { constant: true }), attrs: { chunkSize: 4 } },
  'constant decay, recurrent': { inputs: of([2, 4, 3, 5, 2], { constant: true, start: false }), attrs: { chunkSize: 1 } },
  'one token that starts anew': { inputs: of([2, 1, 3, 4, 5], { anew: [0] }) },
  'starts inside and at chunks': { inputs: of([2, 11, 3, 4, 5], { anew: [0, 3, 5, 6, 8] }), attrs: { chunkSize: 4 } },
  'starts, constant decay': { inputs: of([3, 10, 2, 5, 3], { anew: [2, 9], constant: true }), attrs: { chunkSize: 3 } },
  'wide heads': { inputs: of([1, 5, 1, 256, 257], { constant: true }) },
  'chunks of 64, the last of one token': { inputs: of([2, 65, 1, 3, 5]) },
  'chunks of 64, constant decay': { inputs: of([2, 131, 1, 5, 3], { constant: true, start: false }) },
  'chunks of 64, starts and strong decay': { inputs: of([1, 133, 2, 3, 2], { anew: [0, 40, 64, 100], strongest: 20 }) },
  'more keys and values than a tile': { inputs: of([1, 35, 1, 70, 67]) },
  'starts, recurrent': { inputs: of([2, 4, 3, 5, 2], { anew: [2], constant: true, start: false }), attrs: { chunkSize: 1 } },
};

const gradientSamples = Object.entries(samples).map(([name, { inputs, ...rest }]) => {
  const [B, , H] = inputs.q.shape as [number, number, number];
  const state = { shape: [B, H, inputs.q.shape[3] as number, inputs.v.shape[3] as number] };
  return [name, { inputs: { ...inputs, dO: { shape: inputs.v.shape }, dST: state }, ...rest }] as const;
});

export const decayScanChecks: readonly KernelCheck[] = [
  kernelCheck(decayScan, samples, 1e-5, { naive: decayScanNaive }),
  kernelCheck(decayScanGrad, Object.fromEntries(gradientSamples), 1e-5),
];
