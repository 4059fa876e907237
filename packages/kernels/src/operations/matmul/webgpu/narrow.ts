import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { Gpu, TensorRange } from '../../../backends/webgpu/gpu';
import { ELEMENTS, type Program, variants } from '../../../backends/webgpu/program';
import { groupsOf } from '../../../backends/webgpu/specialize';

/** Halves that lie in one vector of a narrow operand. */
export const OCTET = 8;

/** An operand as it lies in memory: matrices of `rows` × `columns`, with rows of `stride` values. */
export interface Lines {
  readonly from: TensorInfo | TensorRange;
  readonly rows: number;
  readonly columns: number;
  readonly stride: number;
  readonly batch: number;
  /** Rows and columns are filled up with zeros to multiples of these, which are multiples of eight. */
  readonly toRows: number;
  readonly toColumns: number;
}

/** An operand in halves, eight a vector. */
export interface Narrowed {
  readonly tensor: TensorInfo;
  /** Vectors of a row, and of a matrix. */
  readonly stride: number;
  readonly size: number;
}

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

/** Rounds both factors of a product to float16. */
const narrowProgram = variants(
  ({ wideA, wideB }: { wideA: boolean; wideB: boolean }): Program => ({
    name: 'SsmMatMul',
    head: 'enable f16;',
    inputs: { A: wideA ? 'vec4<f32>' : 'f32', B: wideB ? 'vec4<f32>' : 'f32' },
    outputs: { narrow_A: 'vec4<u32>', narrow_B: 'vec4<u32>' },
    params: { ...paramsOf('A'), ...paramsOf('B') },
    size: ELEMENTS,
    declarations: narrowOf('A', wideA) + narrowOf('B', wideB),
    main: `
  let i = group * ${ELEMENTS} + lane;
  if (i < p.countA) { narrowA(i); } else if (i - p.countA < p.countB) { narrowB(i - p.countA); }`,
  }),
);

const isWide = ({ stride, columns }: Lines): boolean => stride % 4 === 0 && columns % 4 === 0;

/** The factors of a product, rounded to float16, in one dispatch. */
export function narrowed(gpu: Gpu, a: Lines, b: Lines): [Narrowed, Narrowed] {
  const up = (value: number, step: number): number => step * Math.ceil(value / step);
  const [ofA, ofB] = ([a, b] as const).map((lines) => {
    const [rows, columns] = [up(lines.rows, lines.toRows), up(lines.columns, lines.toColumns)];
    const stride = columns / OCTET;
    const count = lines.batch * rows * stride;
    return { lines, rows, stride, count, tensor: gpu.tensor([count, 4]) };
  }) as [Made, Made];
  const numbers = (name: string, { lines, rows, stride, count }: Made) => ({
    [`octets${name}`]: stride,
    [`lines${name}`]: rows,
    [`matrix${name}`]: lines.rows * lines.stride,
    [`stride${name}`]: lines.stride,
    [`rows${name}`]: lines.rows,
    [`columns${name}`]: lines.columns,
    [`count${name}`]: count,
  });
  gpu.run(narrowProgram({ wideA: isWide(a), wideB: isWide(b) }), {
    inputs: { A: a.from, B: b.from },
    outputs: { narrow_A: ofA.tensor, narrow_B: ofB.tensor },
    params: { ...numbers('A', ofA), ...numbers('B', ofB) },
    groups: groupsOf(ofA.count + ofB.count),
  });
  const resultOf = ({ tensor, stride, rows }: Made): Narrowed => ({ tensor, stride, size: rows * stride });
  return [resultOf(ofA), resultOf(ofB)];
}

interface Made {
  readonly lines: Lines;
  readonly rows: number;
  readonly stride: number;
  readonly count: number;
  readonly tensor: TensorInfo;
}
