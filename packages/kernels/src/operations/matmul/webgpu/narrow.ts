import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { Gpu } from '../../../backends/webgpu/gpu';
import { ELEMENTS, type Program, variants } from '../../../backends/webgpu/program';
import { groupsOf } from '../../../backends/webgpu/specialize';
import { keep, keptOf, type Lines, type Narrowed } from './kept';

/** Halves that lie in one vector of a narrow operand. */
export const OCTET = 8;

const narrowOf = (name: string, isWide: boolean): string => `
fn narrow${name}(i: u32) {
  let column = i % p.octets${name} * ${OCTET};
  let row = i / p.octets${name} % p.lines${name};
  let at = i / (p.octets${name} * p.lines${name}) * p.matrix${name} + row * p.stride${name} + column;
  var low = vec4<f32>(0);
  var high = vec4<f32>(0);
  if (row < p.rows${name}) {
    ${
      isWide
        ? `if (column < p.columns${name}) { low = ${name}[at >> 2]; }
    if (column + 4 < p.columns${name}) { high = ${name}[(at >> 2) + 1]; }`
        : [...'0123']
            .flatMap((n) => [
              `if (column + ${n} < p.columns${name}) { low[${n}] = ${name}[at + ${n}]; }`,
              `if (column + ${n} + 4 < p.columns${name}) { high[${n}] = ${name}[at + ${n} + 4]; }`,
            ])
            .join('\n    ')
    }
  }
  narrow_${name}[i] = vec4<u32>(bitcast<vec2<u32>>(vec4<f16>(low)), bitcast<vec2<u32>>(vec4<f16>(high)));
}`;

const paramsOf = (name: string) =>
  Object.fromEntries(
    ['octets', 'lines', 'matrix', 'stride', 'rows', 'columns', 'count'].map((param) => [`${param}${name}`, 'u32' as const]),
  );

/** Rounds factors of a product, one or both, to float16: whether rows of each begin at multiples of 16 bytes. */
const narrowProgram = variants(({ wides }: { wides: readonly boolean[] }): Program => {
  const names = wides.map((_, i) => NAMES[i] as string);
  const counts = names.map((_, i) =>
    names
      .slice(0, i)
      .map((name) => ` - p.count${name}`)
      .join(''),
  );
  return {
    name: 'SsmMatMul',
    head: 'enable f16;',
    inputs: Object.fromEntries(names.map((name, i) => [name, wides[i] ? 'vec4<f32>' : 'f32'] as const)),
    outputs: Object.fromEntries(names.map((name) => [`narrow_${name}`, 'vec4<u32>'] as const)),
    params: Object.assign({}, ...names.map(paramsOf)),
    size: ELEMENTS,
    declarations: names.map((name, i) => narrowOf(name, wides[i] as boolean)).join(''),
    main: `
  let i = group * ${ELEMENTS} + lane;
  ${names.map((name, i) => `if (i${counts[i]} < p.count${name}) { narrow${name}(i${counts[i]}); }`).join(' else ')}`,
  };
});
const NAMES = ['A', 'B'];

const isWide = ({ stride, columns }: Lines): boolean => stride % 4 === 0 && columns % 4 === 0;

/** The factors of a product, rounded to float16, in one dispatch at most: those that stay as they are may have been kept of an earlier product. */
export function narrowed(gpu: Gpu, operands: readonly [Lines, Lines]): [Narrowed, Narrowed] {
  const known = operands.map((lines) => (lines.isFixed ? keptOf(gpu, lines) : undefined));
  const made = operands.filter((_, i) => !known[i]).map((lines) => madeOf(gpu, lines));
  if (made.length > 0) round(gpu, made);
  return operands.map((lines, i) => known[i] ?? resultOf(gpu, made.find((one) => one.lines === lines) as Made)) as [Narrowed, Narrowed];
}

function round(gpu: Gpu, made: readonly Made[]): void {
  const numbers = ({ lines, rows, stride, count }: Made, name: string) => ({
    [`octets${name}`]: stride,
    [`lines${name}`]: rows,
    [`matrix${name}`]: lines.rows * lines.stride,
    [`stride${name}`]: lines.stride,
    [`rows${name}`]: lines.rows,
    [`columns${name}`]: lines.columns,
    [`count${name}`]: count,
  });
  const named = <T>(of: (one: Made) => T, prefix = '') => Object.fromEntries(made.map((one, i) => [`${prefix}${NAMES[i]}`, of(one)]));
  gpu.run(narrowProgram({ wides: made.map(({ lines }) => isWide(lines)) }), {
    inputs: named(({ lines }) => lines.from),
    outputs: named(({ tensor }) => tensor, 'narrow_'),
    params: Object.assign({}, ...made.map((one, i) => numbers(one, NAMES[i] as string))),
    groups: groupsOf(made.reduce((sum, { count }) => sum + count, 0)),
  });
}

interface Made {
  readonly lines: Lines;
  readonly rows: number;
  readonly stride: number;
  readonly count: number;
  readonly tensor: TensorInfo;
}

/** One that is kept is filled up to whole tiles along both axes, since other products take it the other way round. */
function madeOf(gpu: Gpu, lines: Lines): Made {
  const up = (value: number, step: number): number => step * Math.ceil(value / step);
  const least = lines.isFixed ? Math.max(lines.toRows, lines.toColumns) : 0;
  const [rows, columns] = [up(lines.rows, Math.max(least, lines.toRows)), up(lines.columns, Math.max(least, lines.toColumns))];
  const stride = columns / OCTET;
  const count = lines.batch * rows * stride;
  return { lines, rows, stride, count, tensor: gpu.tensor([count, 4]) };
}

function resultOf(gpu: Gpu, { lines, tensor, stride, rows }: Made): Narrowed {
  const made = { tensor, stride, size: rows * stride };
  return { ...made, isKept: lines.isFixed === true && keep(gpu, lines, made) };
}
