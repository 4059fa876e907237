import { backend_util, getKernel, type KernelFunc, registerKernel, type TensorInfo, unregisterKernel } from '@tensorflow/tfjs-core';
import type { Gpu } from '../gpu';
import { elementwise, type Program, variants } from '../program';
import { groupsOf, sizeOf } from '../specialize';

const OPERATORS = { Add: '+', Sub: '-', Multiply: '*' } as const;
type Name = keyof typeof OPERATORS;

/** Axes that a broadcast may have: what comes before is one. */
const AXES = 4;

/** Where the value of an operand lies: by the place itself, or by the coordinates along the last four axes, of which some do not count. */
const placeOf = (name: string, isWhole: boolean): string =>
  isWhole ? 'i' : Array.from({ length: AXES }, (_, axis) => `x${axis} * p.${name}${axis}`).join(' + ');

interface Choice {
  name: Name;
  isWholeA: boolean;
  isWholeB: boolean;
  /** Whether an invocation takes four values: of two tensors of one shape, whose number of values is a multiple of four. */
  isWide: boolean;
}

const program = variants(({ name, isWholeA, isWholeB, isWide }: Choice): Program => {
  const strides = (operand: string) => Array.from({ length: AXES }, (_, axis) => [`${operand}${axis}`, 'u32'] as const);
  const places =
    isWholeA && isWholeB
      ? ''
      : `let x3 = i % p.size3; let x2 = i / p.size3 % p.size2; let x1 = i / (p.size3 * p.size2) % p.size1; let x0 = i / (p.size3 * p.size2 * p.size1);`;
  const program = elementwise({
    name,
    inputs: { a: isWide ? 'vec4<f32>' : 'f32', b: isWide ? 'vec4<f32>' : 'f32' },
    outputs: { y: isWide ? 'vec4<f32>' : 'f32' },
    params: Object.fromEntries(isWholeA && isWholeB ? [] : [...strides('size'), ...strides('a'), ...strides('b')]),
    main: `  ${places}\n  y[i] = a[${placeOf('a', isWholeA)}] ${OPERATORS[name]} b[${placeOf('b', isWholeB)}];`,
  });
  return { ...program, isPointwise: isWholeA && isWholeB && !isWide };
});

/** Sizes with ones before them, to four axes; undefined where there are more. */
function toFour(shape: readonly number[]): number[] | undefined {
  const rest = shape.slice(0, Math.max(0, shape.length - AXES));
  if (rest.some((size) => size !== 1)) return undefined;
  const last = shape.slice(-AXES);
  return [...Array.from({ length: AXES - last.length }, () => 1), ...last];
}

/** How far apart neighbors along each axis lie, 0 where there is one for all. */
function stridesOf(shape: readonly number[]): number[] {
  let stride = 1;
  const found: number[] = [];
  for (const size of [...shape].reverse()) {
    found.unshift(size === 1 ? 0 : stride);
    stride *= size;
  }
  return found;
}

const named = (name: string, values: readonly number[]): Record<string, number> =>
  Object.fromEntries(values.map((value, axis) => [`${name}${axis}`, value]));

export function binary(gpu: Gpu, name: Name, a: TensorInfo, b: TensorInfo): TensorInfo | undefined {
  const shape = backend_util.assertAndGetBroadcastShape(a.shape, b.shape);
  const [sizes, ofA, ofB] = [toFour(shape), toFour(a.shape), toFour(b.shape)];
  if (!sizes || !ofA || !ofB || a.dtype !== 'float32' || b.dtype !== 'float32') return undefined;
  const y = gpu.tensor(shape);
  const count = sizeOf(y);
  if (count === 0) return y;
  const [isWholeA, isWholeB] = [sizeOf(a) === count, sizeOf(b) === count];
  const isWide = isWholeA && isWholeB && count % 4 === 0 && count <= gpu.mostValues;
  const choice = { name, isWholeA, isWholeB, isWide };
  const strides =
    choice.isWholeA && choice.isWholeB ? {} : { ...named('size', sizes), ...named('a', stridesOf(ofA)), ...named('b', stridesOf(ofB)) };
  const steps = isWide ? count / 4 : count;
  gpu.run(program(choice), { inputs: { a, b }, outputs: { y }, params: { count: steps, ...strides }, groups: groupsOf(steps) });
  return y;
}

const stock = new Map<string, KernelFunc>();

/** tfjs makes a buffer of numbers, a layout and a key for each call of these, which takes the host five times as long as a dispatch of ours. */
export function replaceBinary(gpu: Gpu): void {
  for (const kernelName of Object.keys(OPERATORS) as Name[]) {
    const own = stock.get(kernelName) ?? getKernel(kernelName, 'webgpu').kernelFunc;
    stock.set(kernelName, own);
    const kernelFunc: KernelFunc = (call) => {
      const { a, b } = call.inputs as { a: TensorInfo; b: TensorInfo };
      return binary(gpu, kernelName, a, b) ?? own(call);
    };
    unregisterKernel(kernelName, 'webgpu');
    registerKernel({ kernelName, backendName: 'webgpu', kernelFunc });
  }
}
