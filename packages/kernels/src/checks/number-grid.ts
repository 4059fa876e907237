/** Numbers in float64 with a shape, read and written by their indices: what the plain loops of the naive.ts files compute with. */
export class NumberGrid {
  readonly shape: readonly number[];
  readonly values: Float64Array;

  /** Zeros, or the given values in row-major order. */
  constructor(shape: readonly number[], values?: Iterable<number>) {
    this.shape = shape;
    this.values = values ? Float64Array.from(values) : new Float64Array(shape.reduce((size, length) => size * length, 1));
  }

  /** Length of an axis, counted from the end where it is negative. */
  size(axis: number): number {
    return this.shape.at(axis) as number;
  }

  at(...indices: number[]): number {
    return this.values[this.#place(indices)] as number;
  }

  set(value: number, ...indices: number[]): void {
    this.values[this.#place(indices)] = value;
  }

  add(value: number, ...indices: number[]): void {
    this.set(this.at(...indices) + value, ...indices);
  }

  /** The same numbers as rows [M, width] of the last axis. */
  rows(): NumberGrid {
    const width = this.shape.at(-1) ?? 1;
    return new NumberGrid([width === 0 ? 0 : this.values.length / width, width], this.values);
  }

  #place(indices: readonly number[]): number {
    if (indices.length !== this.shape.length) throw new RangeError(`${indices.length} indices for ${this.shape.length} axes`);
    return indices.reduce((place, index, axis) => {
      const length = this.shape[axis] as number;
      if (index < 0 || index >= length) throw new RangeError(`index ${index} of axis ${axis} with ${length}`);
      return place * length + index;
    }, 0);
  }
}

/** The inputs of a kernel as numbers. */
export type GridsOf<I extends object> = { readonly [Name in keyof I]: NumberGrid };

/** A kernel's equation as the plainest loop over numbers: its outputs, or the first of them. */
export type Naive<I extends object, A extends object> = (inputs: GridsOf<I>, attrs: A) => NumberGrid[];
