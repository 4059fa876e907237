import type { Tensor3D } from '@tensorflow/tfjs-core';
import { type KernelCheck, kernelCheck } from '../../checks/kernel-check';
import { startsSample } from '../../checks/starts-sample';
import { selectiveScanGrad, selectiveScanGradOfC } from './gradient';
import { type SelectiveScanInputs, scanAttrs } from './inputs';
import { selectiveScan } from './kernel';
import { selectiveScanNaive } from './naive';
import { readStates, type ScanStates, selectiveScanShown } from './shown-states';

interface Extras {
  /** 0 is B and C without a group axis. */
  groups?: number;
  skip?: boolean;
  start?: boolean;
  /** Tokens before which the state starts anew. */
  anew?: readonly number[];
}

/** What the kernel is tried on, also by its own tests. A is negative and delta positive, as in a model. */
export function selectiveScanSample(
  [B, T, E, N]: [number, number, number, number],
  { groups = 0, skip = true, start = true, anew }: Extras = {},
) {
  const perToken = { shape: groups ? [B, T, groups, N] : [B, T, N] };
  return {
    u: { shape: [B, T, E] },
    delta: { shape: [B, T, E], value: (_: number, random: () => number) => 0.05 + random() },
    A: { shape: [E, N], value: (_: number, random: () => number) => -0.1 - 2 * random() },
    B: perToken,
    C: perToken,
    ...(skip && { D: { shape: [E] } }),
    ...(start && { h0: { shape: [B, E, N] } }),
    ...(anew && { documentStarts: startsSample(B, T, anew) }),
  };
}

const of = selectiveScanSample;
const samples = {
  'one token': { inputs: of([2, 1, 3, 4]) },
  'one token from nothing': { inputs: of([1, 1, 5, 2], { start: false, skip: false }) },
  'one token, two groups': { inputs: of([3, 1, 4, 5], { groups: 2 }) },
  'two tokens': { inputs: of([1, 2, 3, 5]) },
  'a square of tokens': { inputs: of([2, 9, 3, 4]) },
  'a padded last chunk': { inputs: of([2, 11, 3, 5], { skip: false }) },
  'three groups': { inputs: of([2, 7, 6, 4], { groups: 3 }) },
  'a group per channel': { inputs: of([1, 5, 3, 2], { groups: 3, start: false }) },
  'three segments': { inputs: of([2, 13, 3, 4]), attrs: { stateValues: 130 } },
  'more tokens than a run, three lanes over': { inputs: of([2, 70, 7, 16]) },
  'many states': { inputs: of([1, 19, 5, 130], { start: false }) },
  'more states than a long chunk holds': { inputs: of([2, 131, 5, 130]) },
  'many chunks': { inputs: of([1, 290, 3, 2]) },
  'one state value, groups that do not fill four lanes': { inputs: of([2, 67, 10, 1], { groups: 2 }) },
  'one token that starts anew': { inputs: of([3, 1, 4, 5], { groups: 2, anew: [0] }) },
  'starts inside chunks and between them, many states': { inputs: of([2, 70, 3, 130], { anew: [0, 13, 35, 36, 69] }) },
  'starts at the first token, inside chunks and twice in a row': { inputs: of([2, 70, 7, 16], { anew: [0, 13, 14, 64, 69] }) },
  'starts in padded chunks of two groups': { inputs: of([3, 11, 6, 5], { groups: 2, anew: [4, 9] }), attrs: { stateValues: 700 } },
  'decays that vanish beside others': {
    inputs: { ...of([2, 9, 6, 5]), A: { shape: [6, 5], value: (_: number, random: () => number) => -400 * random() ** 3 } },
  },
  'segments of one token': { inputs: of([1, 4, 6, 3], { groups: 2 }), attrs: { stateValues: 1 } },
};

const gradientSamples = Object.entries(samples).map(([name, { inputs, ...rest }]) => {
  const like = { shape: inputs.u.shape };
  const state = { shape: [inputs.u.shape[0] as number, ...inputs.A.shape] };
  return [name, { inputs: { ...inputs, dy: like, dhT: state }, ...rest }] as const;
});

/** Groups, segments, chunks, starts and lanes over: what reads by others could get wrong. */
const READ = [
  ...['a padded last chunk', 'three groups', 'three segments', 'more tokens than a run, three lanes over', 'many chunks'],
  ...['more states than a long chunk holds', 'starts inside chunks and between them, many states'],
];
const amongRead = ([name]: readonly [string, unknown]): boolean => READ.includes(name);

/** The same where others read the states: once, and three times. */
const readSamples = gradientSamples.filter(amongRead).flatMap(([name, { inputs, ...rest }]) =>
  [1, 3].map((reads) => {
    const [dyReads, CReads] = [{ shape: [reads, ...inputs.u.shape] }, { shape: [reads, ...inputs.B.shape] }];
    return [`${name}, ${reads} more reads`, { inputs: { ...inputs, dyReads, CReads }, ...rest }] as const;
  }),
);

const gradientOfCSamples = gradientSamples.map(([name, { inputs, ...rest }]) => {
  const { C: _, D: __, dhT: ___, ...given } = inputs;
  return [name, { inputs: given, ...rest }] as const;
});

type Read = SelectiveScanInputs & { first: Tensor3D; second: Tensor3D };
const withTwoReads = Object.entries(samples)
  .filter(amongRead)
  .map(([name, { inputs, ...rest }]) => {
    return [name, { inputs: { ...inputs, first: inputs.C, second: inputs.C }, ...rest }] as const;
  });

/** A scan whose states are read through two other C, beside a scan for each. */
const shownStatesCheck: KernelCheck = {
  name: 'selectiveScanShown',
  samples: Object.fromEntries(withTwoReads),
  run: (given, attrs) => {
    const { first, second, ...inputs } = given as unknown as Read;
    const [y, hT, [one, other]] = selectiveScanShown(inputs, 2, attrs) as [Tensor3D, Tensor3D, [ScanStates, ScanStates]];
    return [y, hT, readStates(one, first, attrs), readStates(other, second, attrs)];
  },
  reference: (given, attrs) => {
    const { first, second, ...inputs } = given as unknown as Read;
    const { D: _, ...ofStates } = inputs;
    const [one, other] = [first, second].map((C) => selectiveScan.definition.reference({ ...ofStates, C }, { ...scanAttrs, ...attrs })[0]);
    return [...selectiveScan.definition.reference(inputs, { ...scanAttrs, ...attrs }), one as Tensor3D, other as Tensor3D];
  },
  hasGradient: true,
  tolerance: 1e-5,
  gradientTolerance: 1e-5,
};

export const selectiveScanChecks: readonly KernelCheck[] = [
  kernelCheck(selectiveScan, samples, 1e-5, { naive: selectiveScanNaive }),
  kernelCheck(selectiveScanGrad, Object.fromEntries([...gradientSamples, ...readSamples]), 1e-5),
  kernelCheck(selectiveScanGradOfC, Object.fromEntries(gradientOfCSamples), 1e-5),
  shownStatesCheck,
];
