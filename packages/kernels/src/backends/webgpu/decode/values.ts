/** What a token passes between its products and scans, value by value, and the norm. */
import type {
  DenseSumStep,
  GatedUnitStep,
  RmsNormStep,
  RotateStep,
  ScaleStep,
  SiluStep,
  TimeStepsStep,
} from '../../../decode/recorded-steps';
import { EXP, SIGMOID, SOFTPLUS, treesOf } from '../math';
import { variants } from '../program';
import { offsetOf } from './arena';
import { type StepDispatch, sourceNames, sourceParams, sourceSum, stepProgram, valuesDispatch, valuesProgram } from './step';

const scaleProgram = valuesProgram('Scale', { params: 'x', floats: 'factor', main: '  arena[p.x + i] *= p.factor;' });

export const scaleDispatch = ({ x, factor, size }: ScaleStep, batch: number): StepDispatch =>
  valuesDispatch(scaleProgram, batch * size, { x: offsetOf(x), factor });

const siluProgram = valuesProgram('Silu', {
  params: 'x stride y size',
  declarations: SIGMOID,
  main: '  arena[p.y + i] = silu(arena[p.x + i / p.size * p.stride + i % p.size]);',
});

export const siluDispatch = ({ x, stride, y, size }: SiluStep, batch: number): StepDispatch =>
  valuesDispatch(siluProgram, batch * size, { x: offsetOf(x), stride, y: offsetOf(y), size });

const denseSumProgram = variants(({ count, hasGate }: { count: number; hasGate: boolean }) =>
  valuesProgram('DenseSum', {
    params: `own gate y ${sourceNames(count)}`,
    declarations: SIGMOID,
    main: `
  let seen = ${sourceSum(count, 'arena[$ + i]')};
  arena[p.y + i] = arena[p.own + i] + ${hasGate ? 'silu(arena[p.gate + i]) * seen' : 'seen'};`,
  }),
);

export const denseSumDispatch = ({ own, gate, sources, y, size }: DenseSumStep, batch: number): StepDispatch =>
  valuesDispatch(denseSumProgram({ count: sources.length, hasGate: gate !== undefined }), batch * size, {
    ...{ own: offsetOf(own), gate: gate ? offsetOf(gate) : 0, y: offsetOf(y) },
    ...sourceParams(sources.map(offsetOf)),
  });

const rotateProgram = valuesProgram('Rotate', {
  params: 'x cos sin scale pairs heads',
  main: `
  let pair = i / (p.pairs * p.heads) * p.pairs + i % p.pairs;
  let factor = arena[p.scale + i / p.pairs];
  let a = factor * arena[p.x + 2 * i];
  let b = factor * arena[p.x + 2 * i + 1];
  let c = arena[p.cos + pair];
  let s = arena[p.sin + pair];
  arena[p.x + 2 * i] = a * c - b * s;
  arena[p.x + 2 * i + 1] = b * c + a * s;`,
});

export const rotateDispatch = ({ x, cos, sin, scale, heads, size }: RotateStep, batch: number): StepDispatch =>
  valuesDispatch(rotateProgram, (batch * heads * size) / 2, {
    ...{ x: offsetOf(x), cos: offsetOf(cos), sin: offsetOf(sin), scale: offsetOf(scale), pairs: size / 2, heads },
  });

/** x/2 · (1 + erf(x/√2)), erf by Abramowitz and Stegun 1964, 7.1.26, as tfjs computes it: right to 1.5e-7. */
const GELU = `${EXP}
fn gelu(x: f32) -> f32 {
  let z = x * 0.707106781;
  let t = 1.0 / fma(0.3275911, abs(z), 1.0);
  var sum = fma(1.061405429, t, -1.453152027);
  sum = fma(sum, t, 1.421413741);
  sum = fma(sum, t, -0.284496736);
  sum = fma(sum, t, 0.254829592);
  let erf = fma(-sum * t, exactExp(-z * z), 1.0);
  return 0.5 * x * (1.0 + select(erf, -erf, z < 0.0));
}`;

/** With max(x, 0) a NaN might become 0. */
const ACTIVATION = { silu: SIGMOID, gelu: GELU, relu: 'fn relu(x: f32) -> f32 { return select(x, 0.0, x < 0.0); }' } as const;

const gatedUnitProgram = variants(({ activation }: Pick<GatedUnitStep, 'activation'>) =>
  valuesProgram('GatedUnit', {
    params: 'x gate y',
    declarations: ACTIVATION[activation],
    main: `  arena[p.y + i] = ${activation}(arena[p.x + i]) * arena[p.gate + i];`,
  }),
);

export const gatedUnitDispatch = ({ x, gate, y, size, activation }: GatedUnitStep, batch: number): StepDispatch =>
  valuesDispatch(gatedUnitProgram({ activation }), batch * size, { x: offsetOf(x), gate: offsetOf(gate), y: offsetOf(y) });

const timeStepsProgram = valuesProgram('TimeSteps', {
  params: 'x stride bias A delta decay heads',
  floats: 'least most',
  declarations: SOFTPLUS,
  main: `
  let h = i % p.heads;
  let step = min(max(softplus(arena[p.x + i / p.heads * p.stride + h] + arena[p.bias + h]), p.least), p.most);
  arena[p.delta + i] = step;
  arena[p.decay + i] = exactExp(step * arena[p.A + h] * 0.693147181);`,
});

/** The largest float32: shaders know no infinity. */
const LARGEST = 3.4028234663852886e38;

export function timeStepsDispatch({ x, stride, bias, A, limits, delta, decay, heads }: TimeStepsStep, batch: number): StepDispatch {
  const [least, most] = limits;
  const slots = { x: offsetOf(x), bias: offsetOf(bias), A: offsetOf(A), delta: offsetOf(delta), decay: offsetOf(decay) };
  return valuesDispatch(timeStepsProgram, batch * heads, { ...slots, stride, heads, least, most: Math.min(most, LARGEST) });
}

interface NormChoice {
  size: number;
  hasWeight: boolean;
  gate: 'none' | 'inside' | 'outside';
}

const normProgram = variants(({ size, hasWeight, gate }: NormChoice) => {
  const open = 'silu(arena[p.gate + row * p.gateStride + at])';
  const value = `arena[p.x + row * p.width + at]${gate === 'inside' ? ` * ${open}` : ''}`;
  return stepProgram('RmsNorm', {
    params: 'x weight y width groupSize gate gateStride',
    floats: 'eps',
    size,
    declarations: `${treesOf(size)}${gate === 'none' ? '' : SIGMOID}`,
    main: `
  let groupsOfRow = p.width / p.groupSize;
  let row = group / groupsOfRow;
  let first = group % groupsOfRow * p.groupSize;
  var squares = 0.0;
  for (var k = lane; k < p.groupSize; k += ${size}) {
    let at = first + k;
    let value = ${value};
    squares = fma(value, value, squares);
  }
  let factor = 1.0 / sqrt(sumOfAll(lane, squares) / f32(p.groupSize) + p.eps);
  for (var k = lane; k < p.groupSize; k += ${size}) {
    let at = first + k;
    arena[p.y + row * p.width + at] = factor * ${value}${hasWeight ? ' * arena[p.weight + at]' : ''}${gate === 'outside' ? ` * ${open}` : ''};
  }`,
  });
});

export function rmsNormDispatch({ x, weight, y, width, eps, groupSize = width, gate }: RmsNormStep, batch: number): StepDispatch {
  const choice: NormChoice = {
    size: groupSize > 128 ? 256 : 64,
    hasWeight: weight !== undefined,
    gate: gate ? (gate.inside ? 'inside' : 'outside') : 'none',
  };
  return {
    program: normProgram(choice),
    params: {
      ...{ x: offsetOf(x), weight: weight ? offsetOf(weight) : 0, y: offsetOf(y), width, groupSize, eps },
      ...{ gate: gate ? offsetOf(gate.x) : 0, gateStride: gate?.stride ?? width },
    },
    groups: (batch * width) / groupSize,
  };
}
